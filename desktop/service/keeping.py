"""The checkpoints of a run: what it is made of, written down while it goes, taken up when it was interrupted."""

from desktop import logs
from engine.checkpoint import Identity, Keeper, check
from engine.config import BacktestConfig
from engine.market import Panel
from engine.simulate import ENGINE_VERSION
from storage.checkpoints import Checkpoints
from storage.errors import BacktestStorageError

CHECKPOINT_SECONDS = 5.0  # so much of a run is done again at most, when the program was killed


def keeper_of(
    run_id: str,
    config: BacktestConfig,
    panel: Panel,
    code: str,
    checkpoints: Checkpoints,
    *,
    resumes: bool,
) -> Keeper:
    """Return what writes checkpoints of a run, and from which one it begins.

    Args:
        run_id: which run.
        config, panel, code: what it is made of; ``code`` is the hash of the strategy's source.
        checkpoints: where they are.
        resumes: whether the run was interrupted and goes on where its checkpoint stands, if there is one.

    Raises:
        CheckpointError: its checkpoint is damaged or of something else.
    """
    identity = Identity(run_id, config.fingerprint(), panel.content_hash(), code, ENGINE_VERSION)
    found = checkpoints.find(run_id) if resumes else None
    if found is not None:
        check(found, identity)

    def keep(data: bytes) -> None:
        try:
            checkpoints.keep(run_id, data)
        except BacktestStorageError as error:
            # The run itself is well: it only could not be taken up where it is, would the program end now.
            logs.get("runs").warning("checkpoint_not_kept", run_id=run_id, error=error.message)

    return Keeper(identity, keep, CHECKPOINT_SECONDS, found)

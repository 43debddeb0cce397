"""What is not kept for ever: old attempts, calls, closed issues. Deleted in slices, so that nothing waits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from integrator.store.engine import begin

SLICE = 5_000

# A call that carries a RequestId keeps its answer for the replay of 24 hours; after that it is only a row.
CLEAN_UPS = {
    "attempts": "DELETE FROM attempts WHERE (account_id, id) IN (SELECT account_id, id FROM attempts"
    " WHERE started_at < now() - make_interval(days => :attempts) LIMIT :slice)",
    "call_failures": "DELETE FROM call_failures WHERE (account_id, call_id, index) IN"
    " (SELECT account_id, call_id, index FROM call_failures"
    " WHERE created_at < now() - make_interval(days => :calls) LIMIT :slice)",
    "calls": "DELETE FROM calls WHERE (account_id, id) IN (SELECT account_id, id FROM calls"
    " WHERE started_at < now() - make_interval(days => :calls) LIMIT :slice)",
    "answers": "UPDATE calls SET answer = NULL WHERE (account_id, id) IN (SELECT account_id, id FROM calls"
    " WHERE answer IS NOT NULL AND started_at < now() - interval '25 hours' LIMIT :slice)",
    "issues": "DELETE FROM issues WHERE (account_id, id) IN (SELECT account_id, id FROM issues"
    " WHERE state <> 'open' AND closed_at < now() - make_interval(days => :issues) LIMIT :slice)",
    "reconciliations": "DELETE FROM reconciliations WHERE (account_id, id) IN"
    " (SELECT account_id, id FROM reconciliations"
    " WHERE finished_at < now() - make_interval(days => :issues) LIMIT :slice)",
    "jobs": "DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs"
    " WHERE status NOT IN ('todo', 'doing') LIMIT :slice)",
}


@dataclass(frozen=True, slots=True)
class Keep:
    """Days."""

    attempts: int = 14
    calls: int = 30
    issues: int = 90


def clean(keep: Keep, *, slices: int = 200) -> dict[str, int]:
    """Delete what is older, at most `slices` slices of each kind; how much of each."""
    done: dict[str, int] = {}
    for name, statement in CLEAN_UPS.items():
        total = 0
        for _ in range(slices):
            with begin() as connection:
                count = connection.execute(
                    text(statement),
                    {"attempts": keep.attempts, "calls": keep.calls, "issues": keep.issues, "slice": SLICE}
                    if ":attempts" in statement or ":calls" in statement or ":issues" in statement
                    else {"slice": SLICE},
                ).rowcount
            total += count
            if count < SLICE:
                break
        done[name] = total
    return done

"""What the commands around segments do: install a policy, give its SQL, freeze, export and compare audiences."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from scoring.answers.policy_proof import read_and_prove
from scoring.answers.served_release import open_live
from scoring.audiences.realised_outcomes import read_outcomes
from scoring.audiences.segment_report import segment_report
from scoring.audiences.sizes import keep_report, keep_sizes, snapshot_document
from scoring.audiences.snapshot import take_snapshot
from scoring.cli.audience_lines import report_lines, snapshot_lines, trial_lines
from scoring.cli.command_result import CommandResult, UsageError
from scoring.cli.export_commands import contacts, export
from scoring.cli.policy_trial_command import try_policy
from scoring.population.read_days import open_checked
from scoring.privacy.audit_trail import command_actor, record
from scoring.privacy.suppression import open_suppression
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy, install_policy
from scoring.segments.policy import Policy
from scoring.segments.policy_file import PolicyError
from scoring.segments.rule_texts import level_texts
from scoring.segments.sql import segment_sql


def install(options: Namespace) -> CommandResult:
    """`segments FILE`: checks a policy against the releases and makes it the current one, or with --try only tries it.

    Raises:
        PolicyError: It has faults; the installed one is untouched.
    """
    try:
        source = options.file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(["line 1: The policy must be UTF-8, got other bytes."]) from error
    policy, live = read_and_prove(options.home, source)
    if options.trial:
        document = try_policy(options.home, policy, live)
        return CommandResult(document, [], "\n".join(trial_lines(document)))
    version = install_policy(options.home, policy, source)
    count = len(policy.segments)
    record(options.home, "policy", command_actor(), about={"policy": version, "segments": count})
    return CommandResult(
        {"policy": version, "segments": [segment.code for segment in policy.ordered], "faults": []},
        [f"Policy {version} with {count} segments is installed."],
    )


def print_sql(options: Namespace) -> CommandResult:
    """`sql SEGMENT`: one boolean expression for a warehouse."""
    policy = current_policy(options.home)
    segment = policy.by_code.get(options.segment)
    if segment is None:
        raise UsageError(f"A segment must be of the policy ({', '.join(policy.by_code)}), got another.")
    bundles = {name: load_release(options.home, name).bundle for name in policy.use_cases}
    ladders = {name: bundle.ladder.codes for name, bundle in bundles.items()}
    levels = level_texts(feature for bundle in bundles.values() for feature in bundle.features)
    text = segment_sql(policy, segment, ladders, prefixed=not options.plain, levels=levels)
    words = ["Stay rules and minimum stays are not in it: SQL knows no past."] if _keeps(policy) else []
    return CommandResult({"segment": segment.code, "policy": policy.version, "sql": text}, words, text)


def freeze(options: Namespace) -> CommandResult:
    """`snapshot`: who is in which segment on a date, and how many moved since the previous one."""
    if options.output.suffix == ".csv":
        raise UsageError("A snapshot is a Parquet file, got an --output that ends in .csv.")
    policy = current_policy(options.home)
    live = open_live(options.home, policy.use_cases)
    as_of = options.as_of or datetime.now(UTC).date()
    previous = open_checked(options.previous) if options.previous else None
    tally = take_snapshot(
        live,
        policy,
        options.input,
        options.output,
        as_of=as_of,
        previous=previous,
        reasons=options.reasons,
        language=options.language,
        suppression=open_suppression(options.home),
    )
    document = snapshot_document(policy, live, as_of, tally, compared=previous is not None)
    keep_sizes(options.home, document, options.output)
    return CommandResult({**document, "output": str(options.output)}, snapshot_lines(document, tally, options.output))


def compare(options: Namespace) -> CommandResult:
    """`segment-report`: sizes, flows, realised outcomes and reasons between two snapshots; the console shows it."""
    before, after = open_checked(options.before), open_checked(options.after)
    if before.as_of > after.as_of:
        raise UsageError(f"--before must not be later than --after, got {before.as_of} and {after.as_of}.")
    outcomes = read_outcomes(options.outcomes, options.outcome) if options.outcomes else None
    report = segment_report(before, after, outcomes)
    if options.home.is_dir():  # two files can be compared without a home
        keep_report(options.home, report, options.outcome if outcomes else None)
    return CommandResult(report, [], "\n".join(report_lines(report)))


COMMANDS: Mapping[str, Callable[[Namespace], CommandResult]] = {
    "segments": install,
    "sql": print_sql,
    "snapshot": freeze,
    "export": export,
    "contacts": contacts,
    "segment-report": compare,
}


def _keeps(policy: Policy) -> bool:
    return any(segment.stay or segment.minimum_stay for segment in policy.segments)

"""The contract of intake as checks for every database, and steps that kill themselves half-way."""

from typing import Final

from services.intake.testing.answers import (
    check_answers_start_no_campaign,
    check_any_last_words_are_kept,
    check_cancelled_query_takes_evidence_only,
    check_laboratory_result,
    check_late_answers_are_evidence,
    check_lost_workers_use_attempts_up,
    check_measurement_is_booked_once,
    check_order_of_answers_does_not_matter,
    check_permanent_failure_is_final,
    check_sites_come_with_their_measurement,
    check_transient_failure_is_repeated,
    check_units_are_converted,
)
from services.intake.testing.corrections import (
    check_a_laboratory_replaces_its_withdrawn_result,
    check_a_withdrawn_answer_is_replaced,
    check_amendment_supersedes,
    check_remarkable_readings_are_confirmed,
    check_retraction_takes_back,
    check_submitted_work_is_durable_when_promised,
    check_twins_get_one_answer,
    check_what_an_amendment_does_not_say_stays,
    check_wrong_corrections_are_refused,
)
from services.intake.testing.dying import (
    DyingStep,
    claim_in_race,
    create_in_race,
    die_after,
    step_amend,
    step_fail,
    step_open,
    step_record,
    step_report,
    submit_and_die,
)
from services.intake.testing.examples import claim, example_failure, example_measurement
from services.intake.testing.laboratory import check_laboratory_history, check_laboratory_queue
from services.intake.testing.references import (
    check_older_looks_may_rest_on_any_reference,
    check_references_are_corrected,
    check_references_belong_to_a_group,
    check_references_first_wins,
)
from services.intake.testing.together import check_together_is_as_one_by_one, check_together_leaves_the_odd_ones_alone
from services.intake.testing.unsolicited import (
    check_an_undated_report_counts_once,
    check_reports_that_teach_nothing_are_doubted,
    check_unknown_crystals_become_known_materials,
    check_unsolicited_results_find_their_place,
)
from services.store.testing import StoreCheck

__all__ = [
    "INTAKE_CHECKS",
    "DyingStep",
    "claim",
    "claim_in_race",
    "create_in_race",
    "die_after",
    "example_failure",
    "example_measurement",
    "step_amend",
    "step_fail",
    "step_open",
    "step_record",
    "step_report",
    "submit_and_die",
]

INTAKE_CHECKS: Final[tuple[StoreCheck, ...]] = (
    check_measurement_is_booked_once,
    check_answers_start_no_campaign,
    check_units_are_converted,
    check_late_answers_are_evidence,
    check_lost_workers_use_attempts_up,
    check_cancelled_query_takes_evidence_only,
    check_transient_failure_is_repeated,
    check_permanent_failure_is_final,
    check_any_last_words_are_kept,
    check_sites_come_with_their_measurement,
    check_order_of_answers_does_not_matter,
    check_laboratory_result,
    check_laboratory_queue,
    check_laboratory_history,
    check_amendment_supersedes,
    check_retraction_takes_back,
    check_wrong_corrections_are_refused,
    check_unsolicited_results_find_their_place,
    check_unknown_crystals_become_known_materials,
    check_remarkable_readings_are_confirmed,
    check_twins_get_one_answer,
    check_together_is_as_one_by_one,
    check_together_leaves_the_odd_ones_alone,
    check_submitted_work_is_durable_when_promised,
    check_what_an_amendment_does_not_say_stays,
    check_a_withdrawn_answer_is_replaced,
    check_a_laboratory_replaces_its_withdrawn_result,
    check_an_undated_report_counts_once,
    check_reports_that_teach_nothing_are_doubted,
    check_references_first_wins,
    check_references_belong_to_a_group,
    check_references_are_corrected,
    check_older_looks_may_rest_on_any_reference,
)

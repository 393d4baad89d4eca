"""The report's words for what customers will bring: candidates, the test, bands of expected value."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.languages import Language

VALUES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "value_heading": "What customers will bring",
        "value_revenue": "Revenue",
        "value_profit": "Profit",
        "value_text": "{} within {} days, less refunds{}; learned from and tested over {} days at a time. Its factors "
        "multiply up to each of {} test customers' values within {}, relative.",
        "value_test": "On the test, {} customers from {}: predicted for all of them together {}, brought {}, a ratio "
        "of {}. Ranking by Gini, 1 is perfect: {}; of past spend {}.",
        "value_young": "Of the {} of them known for less than that the ratio is {}.",
        "value_candidate": "Candidate",
        "value_deviance": "Tweedie deviance",
        "value_behind": "Behind the best",
        "value_past_spend": "past spend at the same pace",
        "value_bgnbd": "BG/NBD times gamma-gamma",
        "value_mbgnbd": "MBG/NBD times gamma-gamma",
        "value_tweedie": "boosted trees (Tweedie)",
        "value_served": "served",
        "value_rows": "Customers",
        "value_from": "Expected from",
        "value_predicted": "Expected on average",
        "value_realised": "Brought on average",
        "value_interval": "90% interval, of what was expected",
        "value_note_spend_depends_on_frequency": "How often and how much go together: gamma-gamma, which takes them "
        "for independent, did not compete.",
        "value_note_no_repeat_purchases": "Too few customers came back, or amounts are not of the predicted event: "
        "BG/NBD did not compete.",
        "value_note_stretched": "The horizon is longer than the log can test: what comes after the tested days follows "
        "BG/NBD's curve, with wider intervals.",
        "value_note_stretched_at_one_pace": "The horizon is longer than the log can test: what comes after the tested "
        "days goes on at one pace, with wider intervals.",
        "value_note_total_off": "The total of the test was off by more than a fifth: a season, or a trend, that the "
        "calibration had not seen.",
        "value_note_no_young_tested": "No customer of the test was known for less than the tested days: of new ones "
        "nothing is shown.",
    },
    "fr": {
        "value_heading": "Ce que les clients rapporteront",
        "value_revenue": "Revenu",
        "value_profit": "Marge",
        "value_text": "{} dans les {} jours, remboursements retirés{} ; appris et testé sur {} jours à la fois. Ses "
        "facteurs se multiplient en la valeur de chacun de {} clients de test à {} près, en proportion.",
        "value_test": "Au test, {} clients au {} : prédit pour tous ensemble {}, rapporté {}, soit un rapport de {}. "
        "Classement selon Gini, 1 est parfait : {} ; selon la dépense passée {}.",
        "value_young": "Pour les {} d'entre eux connus depuis moins longtemps, le rapport est de {}.",
        "value_candidate": "Candidat",
        "value_deviance": "Déviance de Tweedie",
        "value_behind": "Derrière le meilleur",
        "value_past_spend": "dépense passée au même rythme",
        "value_bgnbd": "BG/NBD fois gamma-gamma",
        "value_mbgnbd": "MBG/NBD fois gamma-gamma",
        "value_tweedie": "arbres boostés (Tweedie)",
        "value_served": "servi",
        "value_rows": "Clients",
        "value_from": "Attendu à partir de",
        "value_predicted": "Attendu en moyenne",
        "value_realised": "Rapporté en moyenne",
        "value_interval": "Intervalle à 90 %, de ce qui était attendu",
        "value_note_spend_depends_on_frequency": "Fréquence et montant vont ensemble : gamma-gamma, qui les tient pour "
        "indépendants, n'a pas concouru.",
        "value_note_no_repeat_purchases": "Trop peu de clients sont revenus, ou les montants ne sont pas de "
        "l'événement prédit : BG/NBD n'a pas concouru.",
        "value_note_stretched": "L'horizon dépasse ce que le journal peut tester : la suite des jours testés suit la "
        "courbe de BG/NBD, avec des intervalles plus larges.",
        "value_note_stretched_at_one_pace": "L'horizon dépasse ce que le journal peut tester : la suite des jours "
        "testés garde le même rythme, avec des intervalles plus larges.",
        "value_note_total_off": "Le total du test s'écartait de plus d'un cinquième : une saison, ou une tendance, "
        "que la calibration n'avait pas vue.",
        "value_note_no_young_tested": "Aucun client du test n'était connu depuis moins que les jours testés : rien "
        "n'est montré des nouveaux.",
    },
}

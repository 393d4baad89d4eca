"""The report's words for campaigns: the effect of a contact, and rows whose outcome a campaign may have changed."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.languages import Language

CAMPAIGNS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "uplift": "The effect of a contact",
        "uplift_text": "The model above speaks of customers who were treated, {} rows; a control model of the {} "
        "others stands beside it. The uplift is the difference of their probabilities. {} rows judge, each by models "
        "of rows dealt before it. Reasons add up to the difference of the two log-odds within {} on {} test rows "
        "of both arms.",
        "uplift_policy": "Contacting {} of the customers",
        "uplift_value": "More outcomes for the good, per customer of all",
        "uplift_by_uplift": "by uplift",
        "uplift_by_response": "by plain response",
        "uplift_by_everyone": "whoever they are",
        "uplift_beats_response": "more by uplift than by plain response",
        "uplift_beats_everyone": "more by uplift than whoever they are",
        "uplift_one_sided": "Doubly robust (AIPW) at the planned depth. The lower ends of the last two lines are of {} "
        "confidence, one-sided; all other intervals are of 95%.",
        "uplift_effect": "Effect of the treatment on all",
        "uplift_qini": "Qini: area between the Qini curve and chance, outcomes per treated customer",
        "uplift_auuc": "AUUC: area under the uplift curve, outcomes per customer; chance has half the effect on all",
        "uplift_balance": "Features rank the treated with a ROC-AUC of {} at most, where chance gives 0.5 (p = {}).",
        "treated": "Rows that campaigns treated",
        "treated_text": "In {} rows that could be learned from, and in {} test rows, the customer was on the list of a "
        "campaign while the outcome was awaited.",
        "treated_learned_untreated": "They were not learned from.",
        "treated_learned_all": "They were learned from like all others.",
        "treated_judged_untreated": "The {} test rows of customers who were held out, or on no list, alone judge.",
        "treated_judged_all": "All test rows judge: the {} that were not treated hold too few outcomes of either kind.",
        "treated_losses": "Log-loss on untreated rows: {} where treated rows are learned from, {} without them, {} "
        "with the treatment as one more feature; standard error of the first difference {}.",
    },
    "fr": {
        "uplift": "L'effet d'un contact",
        "uplift_text": "Le modèle ci-dessus parle des clients contactés, {} lignes ; un modèle témoin des {} autres "
        "est à ses côtés. L'effet attendu est la différence de leurs probabilités. {} lignes jugent, chacune par des "
        "modèles de lignes tirées avant elle. Les facteurs s'additionnent à la différence des deux log-cotes à {} près "
        "sur {} lignes de test des deux bras.",
        "uplift_policy": "Contacter {} des clients",
        "uplift_value": "Issues favorables de plus, par client",
        "uplift_by_uplift": "par l'effet attendu",
        "uplift_by_response": "par la réponse attendue",
        "uplift_by_everyone": "quels qu'ils soient",
        "uplift_beats_response": "de plus par l'effet que par la réponse",
        "uplift_beats_everyone": "de plus par l'effet que quels qu'ils soient",
        "uplift_one_sided": "Estimation doublement robuste (AIPW) à la profondeur prévue. Les bornes basses des deux "
        "dernières lignes sont à {} de confiance, unilatérales ; les autres intervalles sont à 95 %.",
        "uplift_effect": "Effet du contact sur tous",
        "uplift_qini": "Qini : aire entre la courbe de Qini et le hasard, issues par client contacté",
        "uplift_auuc": "AUUC : aire sous la courbe d'effet, issues par client ; le hasard a la moitié de l'effet sur "
        "tous",
        "uplift_balance": "Les variables classent les clients contactés avec une ROC-AUC de {} au plus, où le hasard "
        "donne 0,5 (p = {}).",
        "treated": "Lignes touchées par des campagnes",
        "treated_text": "Pour {} lignes d'apprentissage possibles et {} lignes de test, le client était sur la liste "
        "d'une campagne pendant l'attente de l'issue.",
        "treated_learned_untreated": "Elles n'ont pas servi à l'apprentissage.",
        "treated_learned_all": "Elles ont servi à l'apprentissage comme les autres.",
        "treated_judged_untreated": "Seules jugent les {} lignes de test de clients témoins ou sur aucune liste.",
        "treated_judged_all": "Toutes les lignes de test jugent : les {} qui n'étaient pas touchées ont trop peu "
        "d'issues de l'une ou l'autre sorte.",
        "treated_losses": "Log-perte sur les lignes non touchées : {} quand les lignes touchées sont apprises, {} sans "
        "elles, {} avec le contact comme variable de plus ; erreur type de la première différence {}.",
    },
}

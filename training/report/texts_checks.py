"""The report's words for what is checked beside the metrics: calibration, groups, the season, the champion."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.languages import Language

CHECKS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "champion": "champion until then (version {})",
        "reference_forest": "random forest of scikit-learn (reference, never served)",
        "calibration": "Calibration",
        "calibration_text": "The served probability is sigmoid({} × margin + {}), fitted on predictions of rows "
        "by who has not seen them, in fitting or in stopping. It changes no ranking. Labels drawn from the served "
        "probabilities themselves would show an ECE of up to {} in 95% of draws.",
        "uncalibrated": "Before calibration",
        "before": "Before",
        "after": "After",
        "groups": "Rates and calibration per declared group",
        "groups_text": "On the test rows. Groups of fewer than {} rows are shown together, so that nobody is shown.",
        "outliers": "Unusual rows",
        "outliers_text": "Among {} of the test rows, those unlike the others, by three detectors. They are flagged and "
        "kept: none is deleted. Rates of fewer than {} rows are not shown.",
        "detector": "Detector",
        "iqr": "a number beyond 1.5 interquartile ranges",
        "isolation_forest": "isolation forest",
        "lof": "local outlier factor",
        "no_groups": "No trait is declared in [profiles] groups.",
        "group": "Group",
        "chance": "ECE by chance",
        "others": "others",
        "interval_95": "95% interval",
        "season": "The season",
        "season_rates": "Base rate by cutoff",
        "cutoff": "Cutoff",
        "season_none": "A ready table has no cutoffs, so a season cannot be seen in it.",
        "season_short": "A cutoff a year before the test ({}) could not be tried: to judge it, the log would "
        "have to begin "
        "by {}. If outcomes have a season, the probabilities carry that of the training cutoffs.",
        "season_single": "A year earlier could not be tried: with one training cutoff there is none to judge it by.",
        "season_unfit": "A year earlier ({}) could not be tried: no candidate could be fitted and calibrated on it.",
        "season_included": "The training cutoffs reach back a year: {} is among what was learned from anyway.",
        "season_tried": "Rows of a year before were tried on the cutoff {}: log-loss {} with them, {} without, "
        "standard "
        "error of the difference {}.",
        "season_used": "They helped, so the model also learned from {}.",
        "season_left": "They did not surely help, so {} was not learned from.",
        "dependence": "How the score depends on its strongest features",
        "dependence_text": "Median contribution in log-odds over the values of each feature, and the middle 80% "
        "of rows: "
        "what spreads there is what other features change.",
        "roc.svg": "ROC: outcomes found against others taken",
        "precision_recall.svg": "Precision against recall",
        "calibration.svg": "Reliability before and after calibration",
        "gain.svg": "Share of outcomes found by share contacted",
        "lift.svg": "Lift over chance by share contacted",
        "shap_beeswarm.png": "Contributions of the strongest features, one dot a test row",
    },
    "fr": {
        "champion": "champion jusqu'alors (version {})",
        "reference_forest": "forêt aléatoire de scikit-learn (référence, jamais servie)",
        "calibration": "Calibration",
        "calibration_text": "La probabilité servie est sigmoïde({} × marge + {}), ajustée sur des prédictions de "
        "lignes par qui ne les a vues ni à l'apprentissage ni à son arrêt. Elle ne change aucun rang. Des issues "
        "tirées des probabilités servies elles-mêmes montreraient une ECE allant jusqu'à {} dans 95 % des tirages.",
        "uncalibrated": "Avant calibration",
        "before": "Avant",
        "after": "Après",
        "groups": "Taux et calibration par groupe déclaré",
        "groups_text": "Sur les lignes de test. Les groupes de moins de {} lignes sont réunis, pour ne montrer "
        "personne.",
        "outliers": "Lignes inhabituelles",
        "outliers_text": "Parmi {} des lignes de test, celles qui ne ressemblent pas aux autres, selon trois "
        "détecteurs. Elles sont signalées et gardées : aucune n'est supprimée. Les taux de moins de "
        "{} lignes ne sont pas montrés.",
        "detector": "Détecteur",
        "iqr": "un nombre à plus de 1,5 écart interquartile",
        "isolation_forest": "forêt d'isolation",
        "lof": "facteur local d'anomalie",
        "no_groups": "Aucune caractéristique n'est déclarée dans [profiles] groups.",
        "group": "Groupe",
        "chance": "ECE due au hasard",
        "others": "autres",
        "interval_95": "Intervalle à 95 %",
        "season": "La saison",
        "season_rates": "Taux moyen par date",
        "cutoff": "Date",
        "season_none": "Une table prête à l'emploi n'a pas de dates : une saison ne peut y être reconnue.",
        "season_short": "Une date un an avant le test ({}) n'a pu être essayée : pour en juger, le journal "
        "devrait commencer "
        "au plus tard le {}. Si les issues ont une saison, les probabilités portent celle des dates d'apprentissage.",
        "season_single": "Un an plus tôt n'a pu être essayé : avec une seule date d'apprentissage, rien ne "
        "permet d'en juger.",
        "season_unfit": "Un an plus tôt ({}) n'a pu être essayé : aucun candidat n'a pu y être ajusté et calibré.",
        "season_included": "Les dates d'apprentissage remontent à un an : le {} en fait déjà partie.",
        "season_tried": "Les lignes de l'année précédente ont été essayées sur la date du {} : log-perte "
        "de {} avec "
        "elles, de {} sans, erreur type de la différence {}.",
        "season_used": "Elles aident : le modèle a aussi appris du {}.",
        "season_left": "Elles n'aident pas à coup sûr : le {} n'a pas été appris.",
        "dependence": "Comment le score dépend de ses variables les plus fortes",
        "dependence_text": "Contribution médiane en log-cotes selon les valeurs de chaque variable, et les 80 % "
        "de lignes du "
        "milieu : ce qui s'y disperse est ce que d'autres variables changent.",
        "roc.svg": "ROC : issues trouvées contre autres prises",
        "precision_recall.svg": "Précision selon le rappel",
        "calibration.svg": "Fiabilité avant et après calibration",
        "gain.svg": "Part des issues trouvées selon la part contactée",
        "lift.svg": "Gain par rapport au hasard selon la part contactée",
        "shap_beeswarm.png": "Contributions des variables les plus fortes, un point par ligne de test",
    },
}

"""The words of a discovery's page."""

from __future__ import annotations

from collections.abc import Mapping

from features.spec.languages import Language

DISCOVERY: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Discovered groups",
        "pictures": "Pictures",
        "then": "; ",
        "kmeans": "K-means",
        "hierarchical": "a tree (Ward)",
        "density": "density (HDBSCAN)",
        "som": "a self-organising map",
        "clusters": "There are clusters: between every two groups there is room, and redraws of the same data without "
        "clusters show none.",
        "slices": "These are slices: useful, but they cut through a continuum. A customer near a border is not very "
        "unlike one on the other side.",
        "none": "There are no groups to be found: redraws without clusters look the same, and members do not go on to "
        "do different things.",
        "method": "Method: {}. {} groups were judged, of {} customers.",
        "descriptive": "This method only describes: nothing of it is served.",
        "groups": "The groups",
        "group": "Group",
        "size": "Customers",
        "why": "What sets it apart",
        "high": "high",
        "low": "low",
        "stability": "Do they come again?",
        "jaccard": "Jaccard over resamples",
        "rand": "Groups as they are, against groups made anew later (adjusted Rand): {}.",
        "evidence": "Against data without clusters",
        "null": "Redraws keep each column's values and the rank correlations. At k = {}: silhouette {}, {} more than "
        "the redraws (z = {}).",
        "apart": "How far dense groups stand apart: {}; the most in a redraw: {}.",
        "gap": "A gap in one column: {} (dip {}, p = {}, depth of the valley {}).",
        "no_gap": "No column by itself falls into parts.",
        "valley": "The least valley between two groups has a depth of {} (0 is none, 1 is empty).",
        "looked": "{} of {} redraws fall into as many groups.",
        "outcomes": "What members did later",
        "awaited": "Outcome: {}.",
        "kept": "Groups differ in the same order at both later moments.",
        "not_kept": "Groups do not differ surely, or not in the same order at both later moments.",
        "kept_ordered": "Groups differ in the same order in both later parts of the rows.",
        "not_kept_ordered": "Groups do not differ surely, or not in the same order in both later parts of the rows.",
        "kept_halves": "Groups differ in the same order in both halves of the rows.",
        "not_kept_halves": "Groups do not differ surely, or not in the same order in both halves of the rows.",
        "not_in_time": "The table has no order in time: these are two halves of its rows.",
        "at": "At {}",
        "half": "Part {}",
        "gain": "The groups take {} off the log-loss of a score made of all features ({}): they say what the score "
        "says, in words.",
        "left_out": "Left out: {}.",
        "constant": "the same for all",
        "levels": "too many values",
        "elbow": "Inertia of K-means by k",
        "pic_null": "Silhouette by k, and two standard deviations of the redraws",
        "pic_outcomes": "Realised rates with 95% intervals",
        "tree": "Dendrogram: the last joins",
        "map": "Map: dark where neighbours are far apart",
    },
    "fr": {
        "title": "Groupes découverts",
        "pictures": "Images",
        "then": " ; ",
        "kmeans": "K-means",
        "hierarchical": "un arbre (Ward)",
        "density": "la densité (HDBSCAN)",
        "som": "une carte auto-organisatrice",
        "clusters": "Il y a des groupes : entre deux groupes il y a toujours un vide, et des tirages des mêmes données "
        "sans groupes n’en montrent pas.",
        "slices": "Ce sont des tranches : utiles, mais elles coupent un continuum. Un client près d’une limite n’est "
        "guère différent de celui d’en face.",
        "none": "Il n’y a pas de groupes à trouver : des tirages sans groupes se ressemblent, et la suite n’est pas "
        "différente d’un groupe à l’autre.",
        "method": "Méthode : {}. {} groupes ont été jugés, de {} clients.",
        "descriptive": "Cette méthode ne fait que décrire : rien n’en est servi.",
        "groups": "Les groupes",
        "group": "Groupe",
        "size": "Clients",
        "why": "Ce qui le distingue",
        "high": "élevé",
        "low": "bas",
        "stability": "Les retrouve-t-on ?",
        "jaccard": "Jaccard sur rééchantillons",
        "rand": "Groupes figés, contre groupes refaits plus tard (Rand ajusté) : {}.",
        "evidence": "Face à des données sans groupes",
        "null": "Les tirages gardent les valeurs de chaque colonne et les corrélations de rangs. À k = {} : silhouette "
        "{}, soit {} de plus que les tirages (z = {}).",
        "apart": "Écart des groupes denses : {} ; le plus grand d’un tirage : {}.",
        "gap": "Un vide dans une colonne : {} (dip {}, p = {}, profondeur de la vallée {}).",
        "no_gap": "Aucune colonne ne se sépare à elle seule.",
        "valley": "La moindre vallée entre deux groupes a une profondeur de {} (0 : aucune, 1 : vide).",
        "looked": "{} des {} tirages se séparent en autant de groupes.",
        "outcomes": "Ce que les membres ont fait ensuite",
        "awaited": "Résultat attendu : {}.",
        "kept": "Les groupes diffèrent dans le même ordre aux deux moments suivants.",
        "not_kept": "Les groupes ne diffèrent pas sûrement, ou pas dans le même ordre aux deux moments suivants.",
        "kept_ordered": "Les groupes diffèrent dans le même ordre dans les deux parties suivantes des lignes.",
        "not_kept_ordered": "Les groupes ne diffèrent pas sûrement, ou pas dans le même ordre dans les deux parties "
        "suivantes des lignes.",
        "kept_halves": "Les groupes diffèrent dans le même ordre dans les deux moitiés des lignes.",
        "not_kept_halves": "Les groupes ne diffèrent pas sûrement, ou pas dans le même ordre dans les deux moitiés des "
        "lignes.",
        "not_in_time": "La table n’a pas d’ordre dans le temps : ce sont deux moitiés de ses lignes.",
        "at": "Au {}",
        "half": "Partie {}",
        "gain": "Les groupes retirent {} à la perte logarithmique d’un score fait de toutes les variables ({}) : ils "
        "disent en mots ce que dit le score.",
        "left_out": "Laissées de côté : {}.",
        "constant": "la même pour tous",
        "levels": "trop de valeurs",
        "elbow": "Inertie des K-means selon k",
        "pic_null": "Silhouette selon k, et deux écarts types des tirages",
        "pic_outcomes": "Taux réalisés, intervalles à 95 %",
        "tree": "Dendrogramme : les dernières réunions",
        "map": "Carte : foncée où les voisins sont loin",
    },
}

"""The order of the gallery: from the request that the project is about to what lies behind it."""

ORDER = [
    "plot_erase_a_person.py",
    "plot_wrong_label.py",
    "plot_what_if.py",
    "plot_suspects.py",
    "plot_sliding_window.py",
    "plot_two_hospitals.py",
    "plot_category_disappears.py",
    "plot_leave_one_out.py",
    "plot_pipeline_forgets.py",
    "plot_choice_forgets.py",
    "plot_shards.py",
    "plot_out_of_core.py",
    "plot_folds_that_stay.py",
    "plot_conformal.py",
    "plot_case_recommender.py",
    "plot_case_scripts.py",
    "plot_case_spam.py",
    "plot_case_documents.py",
    "plot_frozen_network.py",
    "plot_float_drift.py",
    "plot_cost.py",
    "long_adaptive_cost.py",
]


class ExampleOrder:
    """Sort key that Sphinx-Gallery makes for a folder of examples."""

    def __init__(self, folder: str):
        pass

    def __call__(self, name: str) -> int:
        return ORDER.index(name)

"""`python -m scoring`: scores a file of customers with the releases in a home."""

from scoring.lean import bar_training_libraries

if __name__ == "__main__":
    bar_training_libraries()  # before anything imports xgboost
    from scoring.command import main

    raise SystemExit(main())

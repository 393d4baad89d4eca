"""What every page needs: templates, languages, forms."""

__all__ = ["forms", "i18n", "render"]

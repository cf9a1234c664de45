"""What a customer wants, read from the words: a lexicon for each language, one table of rules, no model (product.md T7)."""

from services.tickets.domain.intents.classifier import Classified, Classifier
from services.tickets.domain.intents.reading import LexiconClassifier, lexicon_classifier

__all__ = ["Classified", "Classifier", "LexiconClassifier", "lexicon_classifier"]

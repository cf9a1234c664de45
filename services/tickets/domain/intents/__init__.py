"""What a customer wants, read from the words: a lexicon for each language and one table of rules (product.md T7)."""

from services.tickets.domain.intents.classifier import Classified, Classifier
from services.tickets.domain.intents.reading import LexiconClassifier, lexicon_classifier

__all__ = ["Classified", "Classifier", "LexiconClassifier", "lexicon_classifier"]

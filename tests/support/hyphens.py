"""A tokenizer that a test changes."""

SEPARATORS = " "


def split_words(text: str) -> list[str]:
    for separator in SEPARATORS:
        text = text.replace(separator, " ")
    return text.split()

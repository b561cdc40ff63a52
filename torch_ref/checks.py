"""What is refused: numbers out of range."""


def check_numbers(**numbers: float) -> None:
    """Raise ValueError unless each of the numbers, by its name, is at least 0."""
    for name, number in numbers.items():
        if not number >= 0:      # NaN is not
            raise ValueError(f"{name} is {number}; expected a number of at least 0")


def check_shares(**shares: float) -> None:
    """Raise ValueError unless each of the numbers, by its name, is at least 0 and below 1."""
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} is {share}; expected a number from 0 to below 1")


def check_records(number: int) -> None:
    """Raise ValueError for a batch of no records, of which there is no mean."""
    if number < 1:
        raise ValueError("the batch has 0 records; expected at least 1")

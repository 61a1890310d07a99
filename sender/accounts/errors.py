"""Why somebody does not get in, or not yet; each sentence says what to do instead."""


class AccountError(Exception):
    """The sentence says what the person should do instead."""


class TooManyTriesError(AccountError):
    """Passwords were tried too often for this account or from this address."""


class PasskeyNeededError(AccountError):
    """Two factors are demanded, and the passkey of this account is the one that was not shown."""

    def __init__(self) -> None:
        super().__init__("This installation asks for two factors: sign in with your passkey.")


class CodeNeededError(AccountError):
    """The password was right and the second factor is missing. ``half`` proves the first for five minutes."""

    def __init__(self, half: str) -> None:
        super().__init__("Write the code that your authenticator app shows.")
        self.half = half

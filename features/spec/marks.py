"""What stands beside an amount and what it is called: an ISO 4217 code, or the sign where it stands for several."""

from __future__ import annotations

_SIGNS = {
    "€": "EUR", "£": "GBP", "$": "$", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "R$": "BRL",
    "HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "MX$": "MXN", "¥": "¥", "₹": "INR", "Rs": "INR", "Rs.": "INR", "₽": "RUB",
    "₺": "TRY", "₩": "KRW", "₪": "ILS", "₫": "VND", "₱": "PHP", "₦": "NGN", "₴": "UAH", "₸": "KZT", "฿": "THB",
    "zł": "PLN", "Kč": "CZK", "kr": "kr", "kr.": "kr", "lei": "RON", "Fr.": "CHF", "SFr.": "CHF", "%": "%",
    "euro": "EUR", "euros": "EUR", "eur": "EUR", "Eur": "EUR", "usd": "USD", "gbp": "GBP", "chf": "CHF",
}  # fmt: skip
_CODES = (
    "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK DZD EGP EUR GBP GHS HKD HRK HUF IDR ILS INR IQD ISK JOD JPY "
    "KES KRW KWD KZT LKR LYD MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD "
    "UAH USD UYU VND XAF XOF ZAR"
)
NAMES = {**_SIGNS, **{code: code for code in _CODES.split()}}

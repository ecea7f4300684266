"""What an instrument may be, and the sectors of companies: words that pages and workers share. Pure: no Flask."""

KINDS = ("stock", "etf", "fund", "index", "warrant", "right", "unit", "preferred", "bond", "crypto", "currency",
         "other")
# Eleven names, those of the Global Industry Classification Standard, and one for funds.
FUND = "Fund"
SECTORS = ("Communication Services", "Consumer Discretionary", "Consumer Staples", "Energy", "Financials",
           "Health Care", "Industrials", "Information Technology", "Materials", "Real Estate", "Utilities", FUND)

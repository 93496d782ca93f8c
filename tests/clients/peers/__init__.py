"""What stands around tokend: other people's programs, and an application behind them."""

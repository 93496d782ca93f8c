"""What stands around tokend: somebody else's programs, an application behind them, and what is asked of all."""

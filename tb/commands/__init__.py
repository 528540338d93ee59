"""The commands of ``convpe`` around the reference model: options, tables, plots, JSON."""

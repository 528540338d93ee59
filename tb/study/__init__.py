"""The commands of the quantisation study: options, tables, plots and JSON around `golden.study`."""

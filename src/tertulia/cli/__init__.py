"""The command line: reads words, prints words, decides nothing. One verb per file."""

"""What the page is made of: a run read, each case judged once, blocks, words, references."""

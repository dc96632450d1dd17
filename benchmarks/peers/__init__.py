"""The contenders, one in each file, each with a function `open_board(folder, *, read_model)`."""

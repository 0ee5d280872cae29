autocmd BufNewFile,BufRead *.nn set filetype=nnc

// The embedded digits as two symbols, nnc_digits and nnc_digits_end; made and described by make_digits.py, read by
// embedded.cpp.
        .section .rodata
        .hidden nnc_digits
        .hidden nnc_digits_end
        .global nnc_digits
        .global nnc_digits_end
        .balign 16
nnc_digits:
        .incbin NNC_DIGITS
nnc_digits_end:
        .byte 0
        .section .note.GNU-stack,"",@progbits

/* A file of the source tree as bytes of the program, through the assembler's .incbin. The build
 * names the file as a dependency (OBJECT_DEPENDS). */
#ifndef COMMON_EMBED_H
#define COMMON_EMBED_H

/* At file scope: defines symbol_begin and symbol_end; a NUL byte stands at symbol_end. path is a
 * text constant. */
#define RIFT_EMBED(symbol, path)                                                                   \
    __asm__(".section .rodata\n" #symbol "_begin:\n.incbin \"" path "\"\n" #symbol                 \
            "_end:\n.byte 0\n.previous\n"                                                          \
            ".global " #symbol "_begin\n.global " #symbol "_end\n");                               \
    extern const char symbol##_begin[], symbol##_end[]

#endif

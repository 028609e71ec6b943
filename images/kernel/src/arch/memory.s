# The memory functions that compiled Rust calls and that no library for this target brings along.

.section .text.memory, "ax"
.globl memcpy, memmove, memset, memcmp, bcmp, opaque_copy

memmove:
    mov %rdi, %rax
    sub %rsi, %rax
    cmp %rdx, %rax                  # destination inside the source: backwards
    jae memcpy
    mov %rdi, %rax
    mov %rdx, %rcx
1:  cmp $8, %rcx
    jb 2f
    mov -8(%rsi,%rcx), %r8
    mov %r8, -8(%rdi,%rcx)
    sub $8, %rcx
    jmp 1b
2:  test %rcx, %rcx
    jz 3f
    mov -1(%rsi,%rcx), %r8b
    mov %r8b, -1(%rdi,%rcx)
    dec %rcx
    jmp 2b
3:  ret

opaque_copy:                        # memcpy by a name of which the compiler knows nothing
memcpy:                             # copies upwards, so memmove may fall into it
    mov %rdi, %rax
    mov %rdx, %rcx
    cmp $512, %rcx
    jae 4f
1:  cmp $16, %rcx
    jb 2f
    movups (%rsi), %xmm0
    movups %xmm0, (%rdi)
    add $16, %rsi
    add $16, %rdi
    sub $16, %rcx
    jmp 1b
2:  cmp $8, %rcx
    jb 3f
    mov (%rsi), %r8
    mov %r8, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
3:  cmp $4, %rcx
    jb 7f
    mov (%rsi), %r8d
    mov %r8d, (%rdi)
    add $4, %rsi
    add $4, %rdi
    sub $4, %rcx
7:  test %rcx, %rcx
    jz 5f
6:  mov (%rsi), %r8b
    mov %r8b, (%rdi)
    inc %rsi
    inc %rdi
    dec %rcx
    jnz 6b
5:  ret
4:  rep movsb
    ret

memset:
    mov %rdi, %r8
    movzbl %sil, %eax
    mov %rdx, %rcx
    cmp $512, %rcx                  # `rep` is dear to begin
    jae 4f
    mov $0x0101010101010101, %r9
    imul %r9, %rax
    movq %rax, %xmm0
    punpcklqdq %xmm0, %xmm0
1:  cmp $16, %rcx
    jb 2f
    movups %xmm0, (%rdi)
    add $16, %rdi
    sub $16, %rcx
    jmp 1b
2:  cmp $8, %rcx
    jb 3f
    mov %rax, (%rdi)
    add $8, %rdi
    sub $8, %rcx
3:  test %rcx, %rcx
    jz 5f
6:  mov %al, (%rdi)
    inc %rdi
    dec %rcx
    jnz 6b
    jmp 5f
4:  rep stosb
5:  mov %r8, %rax
    ret

bcmp:
memcmp:
1:  cmp $8, %rdx
    jb 2f
    mov (%rdi), %rax
    mov (%rsi), %rcx
    cmp %rcx, %rax
    jne 4f
    add $8, %rdi
    add $8, %rsi
    sub $8, %rdx
    jmp 1b
2:  test %rdx, %rdx
    jz 3f
    movzbl (%rdi), %eax
    movzbl (%rsi), %ecx
    sub %ecx, %eax
    jne 5f
    inc %rdi
    inc %rsi
    dec %rdx
    jmp 2b
3:  xor %eax, %eax
    ret
4:  bswap %rax                      # the lowest differing byte decides
    bswap %rcx
    cmp %rcx, %rax
    sbb %eax, %eax
    or $1, %eax
5:  ret

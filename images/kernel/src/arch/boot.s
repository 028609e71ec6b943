# From the loader's 32-bit entry to the first Rust in ring 3, and the tables that this needs.

# Spec: PVH "Direct boot ABI", XEN_ELFNOTE_PHYS32_ENTRY
.section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_start

.section .boot.text, "ax"
.code32
.globl pvh_start
pvh_start:                          # ebx = start info, paging off, flat segments, interrupts off
    mov $0x620, %eax                # PAE | OSFXSR | OSXMMEXCPT
    mov %eax, %cr4
    mov $boot_pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx           # EFER.LME
    xor %edx, %edx
    mov $0x100, %eax
    wrmsr
    mov $0x80010033, %eax           # PG | WP | NE | ET | MP | PE
    mov %eax, %cr0
    lgdt gdt_pointer
    ljmp $0x08, $start64

.code64
start64:
    mov $tss, %eax                  # the base is scattered over the descriptor
    mov %ax, gdt_tss + 2
    shr $16, %eax
    mov %al, gdt_tss + 4
    mov %ah, gdt_tss + 7
    mov $0x40, %eax
    ltr %ax
    lidt idt_pointer                # empty until Rust has filled it
    mov %ebx, %edi
    mov $start_frame, %esp
    iretq                           # to rust_start(start_info) in ring 3

# Where a machine begins that kept this image and all that is set above (vmm/machine/src/warm_start.rs).
.section .note.warm, "a", @note
    .balign 4
    .long 8, 8, 1
    .asciz "swaplab"
    .quad warm_start
.section .boot.text, "ax"
warm_start:                         # rdi = start info, ring 3
    mov $boot_stack_top - 8, %esp
    jmp rust_start

.section .boot.data, "aw"
    .balign 4096
boot_pml4:
    .quad identity_pdpt + 0x67      # 0: identity
    .quad stack_pdpt + 0x67         # 512 GiB: guarded stacks
    .quad user_pdpt + 0x67          # 1 TiB: the workload's window
    .fill 509, 8, 0
# Accessed and dirty are preset everywhere but in the workload's pages: a host that shadows page tables
# would fault a second time to set them. Every page is user-accessible: all Rust runs in ring 3.
identity_pdpt:
    .quad identity_pd + 0x67
    .quad identity_pd + 0x1067
    .quad identity_pd + 0x2067
    .quad identity_pd + 0x3067
    .fill 508, 8, 0
identity_pd:
    .set i, 0
    .rept 1536                      # 0-3 GiB: RAM, 2 MiB pages
    .quad (i << 21) + 0xe7
    .set i, i + 1
    .endr
    .rept 512                       # 3-4 GiB: PCI window, ECAM, local APIC, uncached
    .quad (i << 21) + 0xff
    .set i, i + 1
    .endr
stack_pdpt:
    .quad stack_pd + 0x67
    .fill 511, 8, 0
stack_pd:
    .quad stack_pt + 0x67
    .quad task_pt + 0x67            # 8 MiB for the stacks of tasks, mapped as tasks are made
    .quad task_pt + 0x1067
    .quad task_pt + 0x2067
    .quad task_pt + 0x3067
    .fill 507, 8, 0
stack_pt:                           # page 0, and the page between the stacks, stay unmapped
    .quad 0
    .set i, 0
    .rept 32
    .quad main_stack + i + 0x67
    .set i, i + 0x1000
    .endr
    .quad 0
    .set i, 0
    .rept 32
    .quad fault_stack + i + 0x67
    .set i, i + 0x1000
    .endr
    .fill 446, 8, 0
user_pdpt:
    .quad user_pd + 0x67
    .fill 511, 8, 0

# The selectors are those of Linux: on a host that runs ring 3 natively beside its own kernel, cs reads
# as 0x33 whatever this table says.
    .balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        # 0x08 ring 0 code
    .quad 0x00cf93000000ffff        # 0x10 ring 0 data
    .quad 0
    .quad 0
    .quad 0x00cff3000000ffff        # 0x2b ring 3 data
    .quad 0x00affb000000ffff        # 0x33 ring 3 code
    .quad 0
gdt_tss:
    .quad 0x0000890000002068        # 0x40 task state with the whole I/O bitmap
    .quad 0
gdt_end:

gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
    .balign 4
idt_pointer:
    .word 4095
    .quad idt

    .balign 16
start_frame:
    # Ring 3 uses ports by its privilege level: after a warm start some processors take no I/O bitmap.
    .quad rust_start, 0x33, 0x3002, boot_stack_top - 8, 0x2b

.section .bss.boot, "aw", @nobits
    .balign 4096
.globl idt, tss, user_pd, task_pt, main_stack_top, fault_stack_top
task_pt:
    .skip 4 * 4096
idt:
    .skip 4096
user_pd:
    .skip 4096
tss:
    .skip 0x2069                    # 104 bytes, 8 KiB of I/O bitmap, all ports allowed, 1 byte of end

# Whatever is in them when the guest boots: nobody reads a stack before it was written.
.section .stacks, "aw", @nobits
    .balign 4096
main_stack:
    .skip 0x20000
main_stack_top:
fault_stack:
    .skip 0x20000
fault_stack_top:
boot_stack:
    .skip 4096
boot_stack_top:

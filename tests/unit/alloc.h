/* A heap that fails when told to. Link a test with
     -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
   and every allocation its object files (and static libraries) make comes
   here. For one thread. */
#ifndef FL_TESTS_UNIT_ALLOC_H
#define FL_TESTS_UNIT_ALLOC_H

/* The next n allocations succeed, all later ones fail; n < 0: none fails.
   Growing with realloc counts as an allocation, freeing never fails. Switch
   it off before asserting: cmocka allocates too. */
void fl_test_alloc_fail_after(long n);

/* Allocations asked for since the last fl_test_alloc_fail_after, failed ones
   included. */
long fl_test_alloc_count(void);

/* Pointers handed out here and not yet freed. Compare it with its value at
   the start of the test: a statically linked cmocka holds some of its own.
   Pointers from elsewhere (a shared library's malloc) may be freed and are
   not counted. */
long fl_test_alloc_live(void);

/* A test that does nothing, to be the first of a program that compares live
   counts: while it runs, a statically linked cmocka (on Windows) allocates
   what it then keeps, such as its thread-local variables. */
void fl_test_alloc_settle(void **state);

#endif

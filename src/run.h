/* run.h - builds the rooms of a server, joins their callbacks, runs the loop
 * until it is told to stop. Floor 8, beside main.c. */
#ifndef RUN_H
#define RUN_H

/* `diskstore server`; argv holds what follows the word. The exit status. */
int run_server(int argc, char **argv);

#endif

/* The command "flyd audit verify". */
#ifndef FLYD_AUDIT_H
#define FLYD_AUDIT_H

/* Run it with the words that follow "audit"; returns the exit code. */
int flyd_audit(int count, char **words);

#endif

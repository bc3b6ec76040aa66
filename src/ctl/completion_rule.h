#ifndef CTL_COMPLETION_RULE_H
#define CTL_COMPLETION_RULE_H

/* What completes a rule on the command line, from the tables that rules are
 * read by. Behind a word that takes a value it offers those values that are
 * known, else the words that a rule goes on with. */

/* The function _reroutectl_rule, to be called by _reroutectl, whose variables
 * cur, prev and control it uses. */
void completion_rule_bash(void);

/* The function _reroutectl_rule, an action for _arguments. */
void completion_rule_zsh(void);

/* The function __reroutectl_rule, which prints what there is. */
void completion_rule_fish(void);

#endif

#ifndef CTL_FW_H
#define CTL_FW_H

#include "src/ctl.h"

/* The calls firewall.show, firewall.verify and firewall.clear, off the loop:
 * the tables belong to others too, and may be locked. */
void ctl_fw_show(struct ctl_job *job);
void ctl_fw_verify(struct ctl_job *job);
void ctl_fw_clear(struct ctl_job *job);

#endif

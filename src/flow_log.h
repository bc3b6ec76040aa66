#ifndef FLOW_LOG_H
#define FLOW_LOG_H

#include "src/core/flow.h"

/* One line for a flow that was judged, at level debug. */
void flow_log(const struct flow *flow);

#endif

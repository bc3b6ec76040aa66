# Convenience libraries: what a library does not link, its code cannot call.
noinst_LIBRARIES += libbase.a libcore.a liblinux.a

libbase_a_SOURCES = \
	%D%/base/addr.c %D%/base/addr.h \
	%D%/base/list.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/map.c %D%/base/map.h \
	%D%/base/mono.h \
	%D%/base/num.c %D%/base/num.h \
	%D%/base/arena.c %D%/base/arena.h \
	%D%/base/rd.h

libcore_a_SOURCES = \
	%D%/core/decision.c %D%/core/decision.h \
	%D%/core/flow.c %D%/core/flow.h \
	%D%/core/judge.c %D%/core/judge.h \
	%D%/core/mark.h \
	%D%/core/packet.c %D%/core/packet.h \
	%D%/core/process.c %D%/core/process.h \
	%D%/core/stats.c %D%/core/stats.h \
	%D%/core/subject.h

liblinux_a_SOURCES = \
	%D%/linux/chains.c %D%/linux/chains.h \
	%D%/linux/chains_entry.c %D%/linux/chains_entry.h \
	%D%/linux/chains_extension.c %D%/linux/chains_extension.h \
	%D%/linux/chains_probe.c %D%/linux/chains_probe.h \
	%D%/linux/chains_rule.c %D%/linux/chains_rule.h \
	%D%/linux/chains_view.c \
	%D%/linux/ct.c %D%/linux/ct.h \
	%D%/linux/nfq.c %D%/linux/nfq.h \
	%D%/linux/nfq_msg.c %D%/linux/nfq_msg.h \
	%D%/linux/xtable.c %D%/linux/xtable.h \
	%D%/linux/xtlock.c %D%/linux/xtlock.h

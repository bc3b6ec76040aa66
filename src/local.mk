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
	%D%/core/compiler.h \
	%D%/core/conf.c %D%/core/conf.h \
	%D%/core/decision.c %D%/core/decision.h \
	%D%/core/define.c \
	%D%/core/explain.c %D%/core/explain.h \
	%D%/core/fault.c %D%/core/fault.h \
	%D%/core/flow.c %D%/core/flow.h \
	%D%/core/glob.c %D%/core/glob.h \
	%D%/core/judge.c %D%/core/judge.h \
	%D%/core/lex.c %D%/core/lex.h \
	%D%/core/mark.h \
	%D%/core/packet.c %D%/core/packet.h \
	%D%/core/parser.h \
	%D%/core/policy.c %D%/core/policy.h \
	%D%/core/policy_compile.c \
	%D%/core/policy_index.c %D%/core/policy_index.h \
	%D%/core/policy_key.c %D%/core/policy_key.h \
	%D%/core/policy_own.h \
	%D%/core/policy_set.c %D%/core/policy_set.h \
	%D%/core/policy_text.c \
	%D%/core/print.c \
	%D%/core/process.c %D%/core/process.h \
	%D%/core/rule.c %D%/core/rule.h \
	%D%/core/rules.c %D%/core/rules.h \
	%D%/core/schema.c %D%/core/schema.h \
	%D%/core/stats.c %D%/core/stats.h \
	%D%/core/subject.h \
	%D%/core/text.c %D%/core/text.h \
	%D%/core/value.c %D%/core/value.h

liblinux_a_SOURCES =

#include "src/core/explain.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/fuzz/fuzz_faults.h"

static void
must_answer(const struct subject *subject)
{
	static const char text[] =
	    "accept out exe /usr/bin/* to lan\nblock unit *.service\n"
	    "reroute via tor domain *.onion, .a.example not to lan\n"
	    "block qtype HTTPS, ANY\naccept domain b.example to any port 7\n"
	    "drop to 10.0.0.0/8 port 1-1023 label x\ndefault in block\n";
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	MUST(rules_parse(rules, "r", text, sizeof(text) - 1, faults) == 0);
	MUST(policy_compile(&policy, rules, &fake_world, faults) == 0);
	explain_print(policy, NULL, subject, f);
	MUST(fclose(f) == 0);
	MUST(strncmp(out, "verdict: ", 9) == 0);
	MUST(strstr(out, "\nreason: ") != NULL);
	free(out);
	policy_unref(policy);
	faults_free(faults);
	rules_free(rules);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct source src = {
		.file = "explain", .text = (const char *)bytes, .len = len
	};
	struct faults *faults = faults_new();
	struct explain e;
	int r = explain_parse(&e, &src, &fake_world, faults);

	MUST((r == 0) == (faults_count(faults) == 0));
	must_be_faults(faults, (const char *)bytes, len);
	faults_free(faults);
	if (r == 0) {
		must_answer(&e.subject);
		explain_done(&e);
	}
	return 0;
}

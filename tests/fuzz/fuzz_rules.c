#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/fuzz/fuzz_faults.h"
#include "tests/unit/random.h"
#include "tests/unit/reference.h"

/* A rule's text says the same as the line it was made of. */
static void
must_mean_the_same(const struct policy *policy, uint32_t n)
{
	const struct policy_rule *rule = policy_rule_get(policy, n);
	struct rules *again = rules_new();
	struct faults *faults = faults_new();

	/* what a define stood for is not in the text */
	if (strchr(rule->text, '$') == NULL) {
		MUST(rules_parse(again, "again", rule->text, strlen(rule->text),
			 faults) == 0);
		MUST(rules_count(again) == 1);
		MUST(strcmp(again->rules[0].text, rule->text) == 0);
	}
	faults_free(faults);
	rules_free(again);
}

static void
must_decide(
    const struct rules *rules, const struct policy *policy, unsigned int seed)
{
	for (int i = 0; i < 8; i++) {
		struct process *p;
		struct subject s = random_subject(&seed, &p);

		MUST(policy_decide(policy, &s).rule ==
		     reference_rule(rules, &s));
		process_unref(p);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	int r = rules_parse(rules, "fuzz", (const char *)bytes, len, faults);

	MUST((r == 0) == (faults_count(faults) == 0));
	if (r == 0) {
		r = policy_compile(&policy, rules, &fake_world, faults);
		MUST((r == 0) == (faults_count(faults) == 0));
	}
	must_be_faults(faults, (const char *)bytes, len);
	if (r == 0) {
		MUST(policy_n_rules(policy) == rules_count(rules));
		for (size_t i = 1; i <= policy_n_rules(policy) && i < 20; i++)
			must_mean_the_same(policy, (uint32_t)i);
		must_decide(rules, policy, (unsigned int)len);
	}
	policy_unref(policy);
	faults_free(faults);
	rules_free(rules);
	return 0;
}

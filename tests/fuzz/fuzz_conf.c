#include "src/core/conf.h"
#include "tests/fuzz/fuzz_faults.h"

static char *
print(const struct conf *conf, size_t *size)
{
	char *text;
	FILE *f = open_memstream(&text, size);

	conf_print(conf, f);
	MUST(fclose(f) == 0);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct source source = { "fuzz", (const char *)bytes, len, 1 };
	struct faults *faults = faults_new();
	struct conf *conf = conf_new(), *again = conf_new();
	char *text, *text2;
	size_t size, size2;
	int r;

	r = conf_parse(conf, "fuzz", (const char *)bytes, len, faults, NULL);
	MUST((r == 0) == (faults_count(faults) == 0));
	(void)conf_check(conf, &source, faults); /* as must_be_faults() says */
	must_be_faults(faults, (const char *)bytes, len);
	faults_free(faults);

	/* also after faults: what was good is in range */
	faults = faults_new();
	text = print(conf, &size);
	MUST(conf_parse(again, "again", text, size, faults, NULL) == 0);
	text2 = print(again, &size2);
	MUST(size == size2 && memcmp(text, text2, size) == 0);
	free(text);
	free(text2);
	faults_free(faults);
	conf_unref(conf);
	conf_unref(again);
	return 0;
}

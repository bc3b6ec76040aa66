/* For cppcheck alone, which does not read the headers of libraries. */
#define json_array_foreach(array, index, value)                                \
	for (index = 0; (value = json_array_get(array, index)) != 0; index++)
#define json_object_foreach(object, key, value)                                \
	for (key = 0; (value = json_object_get(object, key)) != 0;)

// Ends the process at once. Node's own process.exit waits for all threads, and so for ever for one that loops inside native code.
#include <node_api.h>

extern "C" [[noreturn]] void _exit(int);

// (code)
static napi_value endProcess(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value code = nullptr;
  int32_t status = 1;
  napi_get_cb_info(env, info, &count, &code, nullptr, nullptr);
  napi_get_value_int32(env, code, &status);
  _exit(status);
}

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value) {
  napi_value function = nullptr;
  napi_create_function(env, "endProcess", NAPI_AUTO_LENGTH, endProcess, nullptr, &function);
  return function;
}

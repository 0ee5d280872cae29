#include "codegen/header/header.h"

#include "codegen/header/net.h"
#include "codegen/header/texts.h"
#include "nnc/abi.h"

namespace nnc {
namespace {

using Text = std::string;

Text with_prefix(std::string_view text, Text const& prefix) {
  Text capitals = prefix, out;
  for (char& c : capitals)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '@') out += text[i];
    else if (i + 1 < text.size() && text[i + 1] == '@') out += capitals, ++i;
    else out += prefix;
  }
  return out;
}

// How it is used, in a few lines.
Text usage_of(Net const& net) {
  Text text = "\n";
  Text pointers;
  for (auto const& b : net.blocks()) {
    text += "     static @_" + Text(b.name) + " " + b.name + ";\n";
    pointers += "&" + Text(b.name) + ", ";
  }
  text += "     int64_t bytes = @_memory(batch, 1);                 the memory of a call; nothing else is allocated\n"
          "     @_net net = @_make(" +
          pointers + "malloc(bytes), bytes);\n";
  if (net.options.has_weights) text += "     @_load_weights(&net);\n";
  else if (net.module.function("initialize")) text += "     @_initialize(&net);\n";
  for (auto const* f : net.reporting)
    text += f->name == "train_step" ? "     @_shuffle(rows, count, net.seed, epoch);            once an epoch, from 1\n"
                                      "     @_train(&net, &data, rows, count, batch, &report);\n"
                                    : "     @_evaluate(&net, &data, rows, count, batch, &report);\n";
  if (net.run) text += "     @_run(&net, " + Text(net.face.inputs.empty() ? "" : "&inputs, ") + "batch, &outputs);\n";
  return text + "\n   Every call returns a @_status; nothing is written where that is not @_ok or @_not_finite. A "
                "net has one\n"
                "   caller at a time. Arrays are dense and row-major.\n";
}

// What the object has.
Text entries(Module const& module) {
  Text text = "/* ---- What the object has: the functions below call it ---- */\n\n"
              "int64_t @_interface(void); /* @@_INTERFACE, or the header is of another object */\n"
              "int32_t @_supported(void); /* 1: this processor and its system can run the object's code; else 0 */\n";
  for (auto const& f : module.functions) {
    if (f.name == "require" || !is_c_word("call_" + f.name)) continue; // as @update.dense.weight
    text += "int32_t @_call_" + f.name + "(nnc_context *, int32_t thread, int64_t first_step, int64_t steps);\n" +
            "int64_t @_arena_" + f.name + "(int64_t batch, int32_t threads);\n";
  }
  return text + "\n";
}

// A module that comes as text has arguments that no host knows; its caller fills a context.
Text untyped_note(Module const& module) {
  Text text;
  for (auto const& f : module.functions) {
    if (f.name == "require") continue;
    text += "/* @_call_" + f.name + "\n";
    auto const list = [&](char const* word, size_t number, Text const& name, Type const& type, Role role) {
      text += "     " + Text(word) + "[" + std::to_string(number) + "]  " + harmless(name) + ": " + type.text() +
              (role == Role::none ? "" : " " + Text(nnc::name(role))) + "\n";
    };
    for (size_t i = 0; i < f.arguments.size(); ++i) {
      auto const& value = f.values[f.arguments[i].value];
      list("arguments", i, value.name, value.type, f.arguments[i].role);
    }
    for (size_t i = 0; i < f.results.size(); ++i)
      list("results", i, f.results[i].name, f.type(f.results[i].value), f.results[i].role);
    text += "*/\n";
  }
  return text;
}

} // namespace

Header header_of(Module const& m, HeaderOptions const& options) {
  Text usage = "   A caller fills an nnc_context and calls @_call_FUNCTION.\n", parts = untyped_note(m);
  if (Module const hosted = for_hosts(m); has_face(hosted)) {
    Net const net(hosted, options);
    usage = usage_of(net);
    if (hosted.functions.size() < m.functions.size())
      usage += "   What phases and states of a pass over the data are needed for is left to a session of nnc.\n";
    parts = Text(status_text) + types_of(net) + functions_of(net);
  }
  Text const body = with_prefix(entries(m) + parts, options.prefix);
  u64 hash = 0xCBF29CE484222325; // FNV-1a
  for (char c : body) hash = (hash ^ static_cast<u8>(c)) * 0x100000001B3;
  Header header;
  header.interface_number = hash >> 1; // a positive number of 64 bits
  Text const number = integer_text(static_cast<i64>(header.interface_number));
  Text const version = std::to_string(NNC_ABI_VERSION);
  header.text =
      with_prefix("/* @.h: " + harmless(options.title) + "\n" + usage +
                      "*/\n#ifndef @_NNC_H\n#define @_NNC_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n",
                  options.prefix) +
      Text(abi_text()) +
      with_prefix("\n#if NNC_ABI_VERSION != " + version +
                      "\n#error \"headers of several versions of nnc: make their objects anew with one\"\n#endif\n\n"
                      "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n#define @@_INTERFACE " +
                      number + "\n\n",
                  options.prefix) +
      body + with_prefix("#ifdef __cplusplus\n}\n#endif\n\n#endif /* @_NNC_H */\n", options.prefix);
  return header;
}

} // namespace nnc

// What a text offers, and a program in numbers, in the C API.
#include "runtime/c/handles.h"
#include "runtime/c/structs.h"

struct nnc_choices {
  std::vector<nnc::Choice> all;
};

struct nnc_overview {
  explicit nnc_overview(nnc::Overview made) : overview(std::move(made)) {
    for (auto const& call : overview.calls) types.push_back(nnc::c::pointers_of(call.types));
    for (auto const& holder : overview.memory) also.push_back(nnc::c::pointers_of(holder.also));
  }
  nnc::Overview overview;
  std::vector<std::vector<char const*>> types, also; // of calls, of holders
};

namespace nnc::c {
namespace {

char const* name_at(nnc_overview const* overview, std::vector<std::string> Overview::*all, std::int64_t index) {
  auto const* name = overview ? element(overview->overview.*all, index) : nullptr;
  return name ? name->c_str() : nullptr;
}

Overview const& shown_by(nnc_overview const* overview) { return required(overview, "overview").overview; }

} // namespace
} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_program_choices(char const* text, char const* name, nnc_choices** out) {
  return make_handle(
      out, [&] { return nnc_choices{nnc::Program::choices(text_of(text, "text"), name ? name : "program.nn")}; });
}

int64_t nnc_choices_count(nnc_choices const* choices) { return choices ? count_of(choices->all) : 0; }

nnc_status nnc_choices_get(nnc_choices const* choices, int64_t index, nnc_choice* out) {
  return guarded([&] {
    auto const& choice = element_of(required(choices, "choices").all, index, "choice");
    fill(out,
         nnc_choice{sizeof(nnc_choice), choice.name.c_str(), choice.model.c_str(), choice.trains,
                    choice.at.file.c_str(), choice.at.line, choice.at.column},
         "out");
  });
}

void nnc_choices_free(nnc_choices* choices) { delete choices; }

nnc_status nnc_program_overview(nnc_program const* program, nnc_overview** out) {
  return make_handle(out, [&] { return required(program, "program").program.overview(); });
}

nnc_status nnc_overview_describe(nnc_overview const* overview, nnc_overview_info* out) {
  return guarded([&] {
    auto const& o = shown_by(overview);
    fill(out,
         nnc_overview_info{sizeof(nnc_overview_info), o.flops, count_of(o.calls), count_of(o.losses),
                           count_of(o.metrics), count_of(o.trained), count_of(o.states), count_of(o.memory),
                           count_of(o.settings)},
         "out");
  });
}

nnc_status nnc_overview_call(nnc_overview const* overview, int64_t index, nnc_layer* out) {
  return guarded([&] {
    auto const& call = element_of(shown_by(overview).calls, index, "call");
    auto const& types = overview->types[static_cast<std::size_t>(index)];
    fill(out,
         nnc_layer{sizeof(nnc_layer), call.path.c_str(), call.function.c_str(), call.depth, types.data(),
                   count_of(types), call.parameters, call.trained, call.states, call.flops, call.at.file.c_str(),
                   call.at.line, call.at.column},
         "out");
  });
}

char const* nnc_overview_loss(nnc_overview const* overview, int64_t index) {
  return name_at(overview, &nnc::Overview::losses, index);
}

char const* nnc_overview_metric(nnc_overview const* overview, int64_t index) {
  return name_at(overview, &nnc::Overview::metrics, index);
}

char const* nnc_overview_trained(nnc_overview const* overview, int64_t index) {
  return name_at(overview, &nnc::Overview::trained, index);
}

nnc_status nnc_overview_state(nnc_overview const* overview, int64_t index, nnc_tensor* out) {
  return guarded([&] { fill(out, shown(element_of(shown_by(overview).states, index, "state")), "out"); });
}

nnc_status nnc_overview_holder(nnc_overview const* overview, int64_t index, nnc_holder* out) {
  return guarded([&] {
    auto const& holder = element_of(shown_by(overview).memory, index, "holder");
    auto const& also = overview->also[static_cast<std::size_t>(index)];
    fill(out,
         nnc_holder{sizeof(nnc_holder), holder.kind.c_str(), holder.name.c_str(), holder.type.c_str(), holder.bytes,
                    holder.at.file.c_str(), holder.at.line, holder.at.column, also.data(), count_of(also)},
         "out");
  });
}

nnc_status nnc_overview_setting(nnc_overview const* overview, int64_t index, nnc_setting* out) {
  return guarded([&] {
    auto const& setting = element_of(shown_by(overview).settings, index, "setting");
    required(out, "out") = {setting.first.c_str(), setting.second.c_str()};
  });
}

void nnc_overview_free(nnc_overview* overview) { delete overview; }

} // extern "C"

// Links an object into this process. The code takes nothing from its host but the context that it is called with.
#include "codegen/codegen.h"
#include "codegen/llvm/machine.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>

#include <map>

namespace nnc {
namespace {

template <class T>
T need(llvm::Expected<T> value, char const* what) {
  if (!value) throw CompilerBug(std::string(what) + ": " + llvm::toString(value.takeError()));
  return std::move(*value);
}

class Linked final : public Loaded {
public:
  explicit Linked(Object const& object) {
    initialize_llvm();
    llvm::orc::LLJITBuilder builder;
    builder.setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(llvm::Triple(Target{}.triple)));
    builder.setLinkProcessSymbolsByDefault(false);
    builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform); // no initializers, no thread-local storage
    jit_ = need(builder.create(), "the linker cannot start");
    for (auto const& part : object.parts) add(part);
    for (auto const& name : object.entries)
      entries_[name] = need(jit_->lookup("nnc_" + name), "an entry is missing").toPtr<nnc_entry>();
  }

  nnc_entry entry(std::string_view function) const override {
    auto found = entries_.find(function);
    return found == entries_.end() ? nullptr : found->second;
  }

private:
  void add(std::vector<u8> const& part) {
    llvm::StringRef bytes(reinterpret_cast<char const*>(part.data()), part.size());
    if (auto e = jit_->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(bytes, "nnc")))
      throw CompilerBug("an object cannot be linked: " + llvm::toString(std::move(e)));
  }

  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::map<std::string, nnc_entry, std::less<>> entries_;
};

} // namespace

std::unique_ptr<Loaded> load(Object const& object) { return std::make_unique<Linked>(object); }

} // namespace nnc

// Links an object into this process. The code takes nothing from its host but the context that it is called with.
#include "codegen/codegen.h"
#include "codegen/llvm/machine.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <unistd.h>

namespace nnc {
namespace {

template <class T>
T need(llvm::Expected<T> value, char const* what) {
  if (!value) throw CompilerBug(std::string(what) + ": " + llvm::toString(value.takeError()));
  return std::move(*value);
}

// The map that `perf report` reads for code without a file: a line with address, size and name for each function.
// Written where NNC_PERF_MAP is set.
class PerfMap final : public llvm::orc::ObjectLinkingLayer::Plugin {
public:
  void modifyPassConfig(llvm::orc::MaterializationResponsibility&, llvm::jitlink::LinkGraph&,
                        llvm::jitlink::PassConfiguration& passes) override {
    passes.PostFixupPasses.emplace_back([path = "/tmp/perf-" + std::to_string(getpid()) + ".map"](auto& graph) {
      if (std::FILE* map = std::fopen(path.c_str(), "a")) {
        for (auto const* s : graph.defined_symbols())
          if (s->hasName() && s->isCallable())
            std::fprintf(map, "%llx %llx %s\n", static_cast<unsigned long long>(s->getAddress().getValue()),
                         static_cast<unsigned long long>(s->getSize()), s->getName().str().c_str());
        std::fclose(map);
      }
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility&) override { return llvm::Error::success(); }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey, llvm::orc::ResourceKey) override {}
};

class Linked final : public Loaded {
public:
  explicit Linked(Object const& object) {
    initialize_llvm();
    llvm::orc::LLJITBuilder builder;
    builder.setJITTargetMachineBuilder(llvm::orc::JITTargetMachineBuilder(llvm::Triple(Target{}.triple)));
    builder.setLinkProcessSymbolsByDefault(false);
    builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform); // no initializers, no thread-local storage
    jit_ = need(builder.create(), "the linker cannot start");
    auto* linker = llvm::dyn_cast<llvm::orc::ObjectLinkingLayer>(&jit_->getObjLinkingLayer());
    if (linker && std::getenv("NNC_PERF_MAP")) linker->addPlugin(std::make_shared<PerfMap>());
    for (auto const& part : object.parts) add(part);
    for (auto const& name : object.entries)
      entries_[name] = need(jit_->lookup("nnc_call_" + name), "an entry is missing").toPtr<nnc_entry>();
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

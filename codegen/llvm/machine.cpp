#include "codegen/llvm/machine.h"

#include "codegen/codegen.h"
#include "codegen/llvm/processor.h"

#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Pass.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <mutex>
#include <unistd.h>

namespace nnc {
namespace {

llvm::Target const& find_target(std::string const& triple) {
  initialize_llvm();
  std::string message;
  auto const* target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target) throw Error("no code can be made for " + triple + ": " + message);
  return *target;
}

std::unique_ptr<llvm::MCSubtargetInfo> subtarget(Target const& t) {
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      find_target(t.triple).createMCSubtargetInfo(t.triple, t.cpu, t.features));
}

// Features that the machine has and its name does not imply, or the other way round (a virtual machine may hide some).
std::string differing_features(std::string const& triple, std::string const& cpu) {
  auto info = subtarget({.triple = triple, .cpu = cpu, .features = ""});
  std::vector<std::string> list;
  for (auto const& feature : llvm::sys::getHostCPUFeatures()) {
    std::string name = feature.getKey().str();
    if (info->checkFeatures("+" + name) != feature.getValue()) list.push_back((feature.getValue() ? "+" : "-") + name);
  }
  std::sort(list.begin(), list.end());
  std::string text;
  for (auto const& f : list) text += (text.empty() ? "" : ",") + f;
  return text;
}

// Nothing may be thrown through LLVM, so what is left becomes as good as nothing.
class EmptyWhenCancelled final : public llvm::FunctionPass {
public:
  explicit EmptyWhenCancelled(std::atomic<bool> const& cancelled) : FunctionPass(id), cancelled_(cancelled) {}
  bool runOnFunction(llvm::Function& f) override {
    if (!cancelled_.load(std::memory_order_relaxed)) return false;
    auto const linkage = f.getLinkage();
    f.deleteBody();
    f.setLinkage(linkage);
    new llvm::UnreachableInst(f.getContext(), llvm::BasicBlock::Create(f.getContext(), "", &f));
    return true;
  }

private:
  static char id;
  std::atomic<bool> const& cancelled_;
};
char EmptyWhenCancelled::id = 0;

// addPassesToEmitFile, with one more pass: it stands where all passes over a function run before those over the next.
void add_passes(llvm::legacy::PassManager& passes, llvm::TargetMachine& target, llvm::raw_pwrite_stream& out,
                llvm::CodeGenFileType kind, std::atomic<bool> const* cancelled) {
  auto& machine = static_cast<llvm::LLVMTargetMachine&>(target);
  auto* modules = new llvm::MachineModuleInfoWrapperPass(&machine);
  auto* config = machine.createPassConfig(passes);
  config->setDisableVerify(true);
  passes.add(config);
  passes.add(modules);
  if (cancelled) config->insertPass(&llvm::AtomicExpandID, new EmptyWhenCancelled(*cancelled));
  bool const refused = config->addISelPasses();
  if (refused) throw CompilerBug("LLVM cannot make code for " + target.getTargetTriple().str());
  config->addMachinePasses();
  config->setInitialized();
  if (machine.addAsmPrinter(passes, out, nullptr, kind, modules->getMMI().getContext()))
    throw CompilerBug("LLVM cannot write this kind of file");
  passes.add(llvm::createFreeMachineFunctionPass());
}

bool is_aarch64(std::string const& triple) { return llvm::Triple(triple).getArch() == llvm::Triple::aarch64; }

// Code has pointers of 64 bits, and the format of its object is that of the system. LLVM takes what it does not know
// for no system at all: a misspelt one.
bool is_system(llvm::Triple const& t) {
  bool const narrow = t.isX32() || t.getEnvironment() == llvm::Triple::GNUILP32;
  llvm::Triple const plain(t.getArchName(), t.getVendorName(), t.getOSName());
  if (narrow || t.isWindowsArm64EC() || t.getObjectFormat() != plain.getObjectFormat()) return false;
  if (t.getOS() != llvm::Triple::UnknownOS) return true;
  auto const is_none = [](llvm::StringRef word) { return word.empty() || word == "none" || word == "unknown"; };
  return is_none(t.getOSName()) && (is_none(t.getVendorName()) || t.getVendor() != llvm::Triple::UnknownVendor);
}

} // namespace

Processor const& processor_for(std::string const& triple) {
  bool const known = is_system(llvm::Triple(triple));
  if (known && is_aarch64(triple)) return aarch64::processor;
  if (known && llvm::Triple(triple).getArch() == llvm::Triple::x86_64) return x86::processor;
  throw Error(Diagnostic{.at = {},
                         .message = "no code can be made for " + triple,
                         .help = "targets begin with x86_64 or aarch64, as x86_64-linux-gnu, aarch64-linux-gnu, "
                                 "x86_64-windows-gnu, arm64-apple-macosx"});
}

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    x86::initialize();
    aarch64::initialize();
    // Loop strength reduction takes a quarter of the time and makes nothing faster: addresses are written as they
    // should be.
    auto& options = llvm::cl::getRegisteredOptions();
    if (auto found = options.find("disable-lsr"); found != options.end())
      static_cast<llvm::cl::opt<bool>*>(found->second)->setValue(true);
  });
}

std::string llvm_version() { return LLVM_VERSION_STRING; }

Target host_target() {
  static Target const host = [] {
    Target t;
    t.cpu = llvm::sys::getHostCPUName().str();
    t.features = differing_features(t.triple, t.cpu);
    x86::processor.set_vectors(t, *subtarget(t));
    if (long l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE); l1 > 0) t.l1 = l1;
    if (long l2 = sysconf(_SC_LEVEL2_CACHE_SIZE); l2 > 0) t.l2 = l2;
    return t;
  }();
  return host;
}

Target target_for(std::string_view cpu, std::string_view triple) {
  Target t;
  if (triple.empty() && cpu == "native") return host_target();
  if (!triple.empty()) t.triple = llvm::Triple::normalize(triple);
  auto const& processor = processor_for(t.triple);
  if (cpu.empty()) cpu = llvm::Triple(t.triple).isMacOSX() && is_aarch64(t.triple) ? "apple-m1" : processor.baseline;
  auto plain = subtarget({.triple = t.triple, .cpu = "", .features = ""});
  auto const is_usable = [&](std::string name) {
    return subtarget({.triple = t.triple, .cpu = std::move(name), .features = ""})->checkFeatures(processor.least);
  };
  if (!plain->isCPUStringValid(cpu) || !is_usable(std::string(cpu))) {
    std::vector<std::string> known;
    if (triple.empty()) known.emplace_back("native");
    for (auto const& p : plain->getAllProcessorDescriptions())
      if (is_usable(p.Key)) known.emplace_back(p.Key);
    Diagnostic d{.at = {}, .message = "unknown cpu " + std::string(cpu), .notes = {}, .help = {}};
    if (auto near = nearest(cpu, known); !near.empty()) d.help = "a known cpu is " + near;
    throw Error(std::move(d));
  }
  t.cpu = std::string(cpu);
  processor.set_vectors(t, *subtarget(t));
  return t;
}

std::vector<std::string> features_lacking_here(Target const& t) {
  auto info = subtarget(t);
  std::vector<std::string> lacking;
  for (auto const& feature : llvm::sys::getHostCPUFeatures())
    if (!feature.getValue() && info->checkFeatures("+" + feature.getKey().str()))
      lacking.push_back(feature.getKey().str());
  std::sort(lacking.begin(), lacking.end());
  return lacking;
}

std::unique_ptr<llvm::TargetMachine> machine_for(Target const& t) {
  // A module that comes as text says its target itself, and LLVM ends the process for such a processor.
  if (!subtarget(t)->checkFeatures(processor_for(t.triple).least))
    throw Error("no code can be made for the processor " + t.cpu);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.TrapUnreachable = false;
  auto* machine = find_target(t.triple).createTargetMachine(t.triple, t.cpu, t.features, options, llvm::Reloc::PIC_,
                                                            llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less);
  return std::unique_ptr<llvm::TargetMachine>(machine);
}

llvm::SmallVector<char, 0> generate(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType kind,
                                    std::atomic<bool> const* cancelled) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  add_passes(passes, machine, out, kind, cancelled);
  passes.run(module);
  return bytes;
}

} // namespace nnc

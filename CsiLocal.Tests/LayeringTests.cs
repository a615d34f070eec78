using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests;

/// <summary>The rules of ARCHITECTURE.md that a compiler does not know, checked on the source; and the checks themselves.</summary>
public sealed class LayeringTests
{
    private static readonly IReadOnlyList<SourceFile> Repository = SourceFile.ReadAll();

    [Fact]
    public void A_folder_uses_only_those_to_its_right() => AssertNone(LayerRules.FindUpwardReferences(Repository));

    [Fact]
    public void Namespaces_are_folders() => AssertNone(LayerRules.FindStrayNamespaces(Repository));

    [Fact]
    public void Fenced_libraries_stay_in_their_folders() => AssertNone(FenceRules.FindEscapes(Repository));

    [Fact]
    public void Files_can_be_read_at_once() => AssertNone(FenceRules.FindLongFiles(Repository));

    [Fact]
    public void Nothing_is_left_unfinished() => AssertNone(FenceRules.FindUnfinished(Repository));

    [Fact]
    public void The_source_is_found()
    {
        Assert.Contains(Repository, file => file.Path == "CsiLocal/Program.cs");
        Assert.Contains(Repository, file => file.Path == "CsiLocal.Tests/LayeringTests.cs");
        Assert.DoesNotContain(Repository, file => file.Path.Contains("/obj/", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("State", "using CsiLocal.Rpc;", "State must not use Rpc")]
    [InlineData("State", "using X = CsiLocal.Rpc.VolumeService;", "State must not use Rpc")]
    [InlineData("State", "var x = new Rpc.VolumeService();", "State must not use Rpc")]
    [InlineData("State", "var x = $\"{Rpc.VolumeService.Name}\";", "State must not use Rpc")]
    [InlineData("State", "using CsiLocal.Backends;", "State must not use Backends")]
    [InlineData("Native", "using CsiLocal.Tools;", "Native must not use Tools")]
    [InlineData("Configuration", "using CsiLocal.Tools;", "Configuration must not use Tools")]
    [InlineData("Backends", "using CsiLocal.Volumes; VolumeManager x;", "Backends may use the records of Volumes, not VolumeManager")]
    [InlineData("Backends", "Volumes.VolumeManager x;", "Backends must not use Volumes.VolumeManager")]
    [InlineData("Helpers", "", "folder Helpers has no place in the layers")]
    [InlineData("Backends", "using CsiLocal.Volumes; VolumeRecord x; throw new StorageException();")]
    [InlineData("Backends", "using CsiLocal.Filesystems; using CsiLocal.Tools; using CsiLocal.Configuration;")]
    [InlineData("State", "// using CsiLocal.Rpc;")]
    [InlineData("State", "/// <see cref=\"Rpc.VolumeService\"/>")]
    [InlineData("State", "var x = \"CsiLocal.Rpc\"; var Rpc = 1; return found.Rpc.VolumeService;")]
    [InlineData("Rpc", "using CsiLocal.Volumes; VolumeManager x;")]
    public void A_reference_against_the_arrow_is_found(string folder, string code, params string[] expected)
    {
        SourceFile[] files =
        [
            new("CsiLocal/Rpc/VolumeService.cs", "internal sealed class VolumeService;"),
            new("CsiLocal/Volumes/VolumeManager.cs", "internal sealed class VolumeManager;"),
            new("CsiLocal/Volumes/VolumeRecord.cs", "internal sealed record VolumeRecord; class StorageException;"),
            new($"CsiLocal/{folder}/Sample.cs", code),
        ];

        var found = LayerRules.FindUpwardReferences(files).ToList();

        Assert.Equal(expected.Length > 0, found.Count > 0);
        Assert.All(found, problem => Assert.Contains(expected, text => problem.Contains(text, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Volumes", "using Microsoft.Data.Sqlite;", true)]
    [InlineData("State", "using Microsoft.Data.Sqlite;", false)]
    [InlineData("Volumes", "var sql = \"DELETE FROM volumes\";", true)]
    [InlineData("Volumes", "var sql = \"\"\"\n SELECT id\n FROM volumes\n \"\"\";", true)]
    [InlineData("State", "var sql = \"DELETE FROM volumes\";", false)]
    [InlineData("Volumes", "var text = \"select one from the list\";", false)]
    [InlineData("Hosting", "Process.GetCurrentProcess();", true)]
    [InlineData("Hosting", "using var child = new Process { };", true)]
    [InlineData("Hosting", "System.Diagnostics.ProcessStartInfo info;", true)]
    [InlineData("Tools", "Process.Start(info);", false)]
    [InlineData("Hosting", "queue.Process(item); ProcessHandle handle;", false)]
    [InlineData("Volumes", "using Microsoft.AspNetCore.Http;", true)]
    [InlineData("Hosting", "using System.CommandLine;", true)]
    [InlineData("Hosting", "using Spectre.Console;", true)]
    [InlineData("Volumes", "using Proto = Csi.V1;", true)]
    [InlineData("Rpc", "using Proto = Csi.V1;", false)]
    [InlineData("Volumes", "throw new Grpc.Core.RpcException();", true)]
    [InlineData("Cli", "using YamlDotNet.Core;", true)]
    [InlineData("Tools", "[LibraryImport(\"libc\")]", true)]
    public void A_library_outside_its_fence_is_found(string folder, string code, bool isFound)
    {
        Assert.Equal(isFound, FenceRules.FindEscapes([new SourceFile($"CsiLocal/{folder}/Sample.cs", code)]).Any());
    }

    [Theory]
    [InlineData("a // b\nc", "a \nc")]
    [InlineData("a /* b\n */ c", "a \n c")]
    [InlineData("a '\\'' b", "a  b")]
    [InlineData("a \"x\\\"y\" b", "a \" b")]
    [InlineData("a @\"x\\\" b", "a \" b")]
    [InlineData("a @\"x\"\"y\" b", "a \" b")]
    [InlineData("a \"\"\"x \"y\" z\"\"\" b", "a \" b")]
    [InlineData("a $\"x{b}y{{z}}\" c", "a \" b  c")]
    [InlineData("a $\"x{b ?? \"y\"}z\" c", "a \" b ?? \"  c")]
    [InlineData("a $\"\"\"x {b} \"y\" \"\"\" c", "a \" b  c")]
    [InlineData("a $$\"\"\"{x} {{b}} \"\"\" c", "a \" b  c")]
    [InlineData("a \"\" b", "a \" b")]
    public void Comments_and_literals_are_told_from_code(string text, string code)
    {
        Assert.Equal(code, new SourceText(text).Code);
    }

    [Fact]
    public void Long_files_strays_and_unfinished_work_are_found()
    {
        var lines = string.Concat(Enumerable.Repeat("//\n", FenceRules.MaxLines));

        Assert.Empty(FenceRules.FindLongFiles([new SourceFile("CsiLocal.Tests/A.cs", lines)]));
        Assert.Single(FenceRules.FindLongFiles([new SourceFile("CsiLocal.Tests/A.cs", lines + "//\n")]));
        Assert.Single(FenceRules.FindUnfinished([new SourceFile("CsiLocal.Tests/A.cs", "// TO" + "DO: later")]));
        Assert.Single(LayerRules.FindStrayNamespaces([new SourceFile("CsiLocal/State/A.cs", "namespace CsiLocal.Volumes;")]));
        Assert.Empty(LayerRules.FindStrayNamespaces([new SourceFile("CsiLocal/State/A.cs", "namespace CsiLocal.State;")]));
    }

    private static void AssertNone(IEnumerable<string> problems)
    {
        var found = problems.ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }
}

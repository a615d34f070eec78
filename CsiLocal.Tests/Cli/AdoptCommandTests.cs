using System.Text.Json;
using CsiLocal.Admin.V1;
using CsiLocal.Cli;
using CsiLocal.Cli.Output;
using Grpc.Core;
using Xunit;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Cli;

public sealed class AdoptCommandTests : CliTest
{
    private static readonly string[] Adopt = ["volume", "adopt", "nvme/pvc-1", "--pool", "fast"];

    private static AdoptVolumeResponse Answer(string name = "pvc-1", string filesystem = "ext4", bool block = false) => new()
    {
        Volume = new VolumeDetail
        {
            VolumeId = IdOf(name),
            Name = name,
            Pool = "fast",
            Backend = "lvm-thin",
            SizeBytes = 10L << 30,
            AccessType = block ? "block" : "mount",
            Filesystem = filesystem,
            State = "ready",
            Location = $"nvme/{IdOf(name)}",
        },
        CsiVolume = new Csi.V1.Volume
        {
            VolumeId = IdOf(name),
            CapacityBytes = 10L << 30,
            VolumeContext = { ["backend"] = "lvm-thin", ["name"] = name, ["pool"] = "fast" },
            AccessibleTopology = { new Csi.V1.Topology { Segments = { ["topology.local.csilocal.dev/node"] = "worker-1" } } },
        },
        DriverName = "local.csilocal.dev",
        Layout = "openebs-lvm",
        Source = "nvme/pvc-1",
        Notes = { "OpenEBS: delete the LVMVolume" },
    };

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task Standard_output_is_the_manifest_and_nothing_else()
    {
        Daemon.Adoption = Answer();

        var result = await RunAsync([.. Adopt, "--storage-class", "fast", "--claim", "shop/db"]);

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(
            $"""
            apiVersion: v1
            kind: PersistentVolume
            metadata:
              name: pvc-1
              annotations:
                pv.kubernetes.io/provisioned-by: local.csilocal.dev
            spec:
              capacity:
                storage: "10Gi"
              accessModes:
                - ReadWriteOnce
              volumeMode: Filesystem
              persistentVolumeReclaimPolicy: Retain
              storageClassName: fast
              claimRef:
                apiVersion: v1
                kind: PersistentVolumeClaim
                namespace: shop
                name: db
              csi:
                driver: local.csilocal.dev
                volumeHandle: {IdOf("pvc-1")}
                fsType: ext4
                volumeAttributes:
                  backend: lvm-thin
                  name: pvc-1
                  pool: fast
              nodeAffinity:
                required:
                  nodeSelectorTerms:
                    - matchExpressions:
                        - key: topology.local.csilocal.dev/node
                          operator: In
                          values:
                            - worker-1

            """,
            result.Output);
        Assert.Equal(
            ["pvc-1: is adopted, 10 GiB ext4 in pool fast, id " + IdOf("pvc-1") + "; it was nvme/pvc-1", "OpenEBS: delete the LVMVolume"],
            result.Error.TrimEnd().Split('\n'));
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_same_as_JSON()
    {
        Daemon.Adoption = Answer(block: true, filesystem: "");

        var result = await RunAsync([.. Adopt, "--block", "--output", "json", "--pv-name", "db-1"]);

        using var json = JsonDocument.Parse(result.Output);
        var spec = json.RootElement.GetProperty("spec");
        Assert.Equal(("db-1", "Block"), (json.RootElement.GetProperty("metadata").GetProperty("name").GetString(), spec.GetProperty("volumeMode").GetString()));
        Assert.False(spec.GetProperty("csi").TryGetProperty("fsType", out _));
        Assert.False(spec.TryGetProperty("storageClassName", out _) || spec.TryGetProperty("claimRef", out _));
        Assert.True(Daemon.LastRequest<AdoptVolumeRequest>().Block);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_name_that_Kubernetes_does_not_take_is_replaced_by_the_id()
    {
        Daemon.Adoption = Answer(name: "Data_1");
        Assert.Contains($"  name: {IdOf("Data_1")}\n", (await RunAsync(Adopt)).Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task What_is_asked_for_is_passed_on()
    {
        Daemon.Adoption = Answer();

        await RunAsync("volume", "adopt", "/opt/x", "--pool", "p", "--name", "n", "--fs", "xfs", "--size", "2Gi", "--from", "local-path");

        Assert.Equal(
            new AdoptVolumeRequest { Source = "/opt/x", Pool = "p", Name = "n", Filesystem = "xfs", SizeBytes = 2L << 30, Layout = "local-path" },
            Daemon.LastRequest<AdoptVolumeRequest>());
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_dry_run_shows_the_plan_and_no_manifest()
    {
        Daemon.Adoption = Answer();

        var result = await RunAsync([.. Adopt, "--dry-run"]);
        var json = (await RunAsync([.. Adopt, "--dry-run", "--output", "json"])).Output;

        Assert.Equal(0, Daemon.Count("AdoptVolume"));
        Assert.DoesNotContain("apiVersion", result.Output, StringComparison.Ordinal);
        Assert.Contains($"nvme/{IdOf("pvc-1")}", result.Output, StringComparison.Ordinal);
        Assert.EndsWith("Nothing was changed\n", result.Output, StringComparison.Ordinal);
        foreach (var property in new[] { "source", "from", "adoptedBefore", "notes", "volume" })
            Assert.Contains($"\"{property}\":", json, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task The_list_says_what_there_is_and_what_stands_against_it()
    {
        Daemon.Adoptable.Add(new Adoptable { Source = "nvme/pvc-1", Layout = "openebs-lvm", SizeBytes = 10L << 30, Filesystem = "xfs", Name = "pvc-1" });
        Daemon.Adoptable.Add(new Adoptable { Source = "nvme/root", Layout = "plain", SizeBytes = 1L << 30, Name = "root", Problem = "in use by the mount at /" });

        var rows = (await RunAsync("volume", "adopt", "--list", "--pool", "fast")).Output.TrimEnd().Split('\n');
        var json = (await RunAsync("volume", "adopt", "--list", "/opt", "--pool", "fast", "--output", "json")).Output;

        Assert.Equal(["SOURCE", "FROM", "SIZE", "TYPE", "NAME", "PROBLEM"], rows[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.EndsWith("pvc-1  -", rows[1], StringComparison.Ordinal);
        Assert.EndsWith("in use by the mount at /", rows[2], StringComparison.Ordinal);
        Assert.Equal("/opt", Daemon.LastRequest<ListAdoptableRequest>().Folder);
        foreach (var property in new[] { "source", "from", "sizeBytes", "filesystem", "name", "problem" })
            Assert.Contains($"\"{property}\":", json, StringComparison.Ordinal);
    }

    [Theory(Timeout = TestTimeoutMilliseconds)]
    [InlineData("volume adopt --pool fast")]
    [InlineData("volume adopt nvme/a")]
    [InlineData("volume adopt nvme/a --pool fast --block --fs xfs")]
    [InlineData("volume adopt nvme/a --pool fast --from rook")]
    [InlineData("volume adopt nvme/a --pool fast --pv-name Data_1")]
    [InlineData("volume adopt nvme/a --pool fast --claim db")]
    [InlineData("volume adopt --list --dry-run --pool fast")]
    public async Task A_wrong_line_is_refused_before_anything_happens(string line)
    {
        Assert.Equal(ExitCode.Usage, (await RunAsync(line.Split(' '))).ExitCode);
        Assert.Empty(Daemon.Calls);
    }

    [Fact(Timeout = TestTimeoutMilliseconds)]
    public async Task A_refusal_leaves_standard_output_empty()
    {
        Daemon.Fail("AdoptVolume", StatusCode.FailedPrecondition, "adopt nvme/pvc-1: in use by postgres", times: 1);

        var result = await RunAsync(Adopt);

        Assert.Equal((ExitCode.Precondition, ""), (result.ExitCode, result.Output));
        Assert.Contains("in use by postgres", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("10Gi", "\"10Gi\"")]
    [InlineData("yes", "\"yes\"")]
    [InlineData("a: b", "\"a: b\"")]
    [InlineData("", "\"\"")]
    [InlineData("-x", "\"-x\"")]
    [InlineData("a\"b\nc", "\"a\\u0022b\\nc\"")]
    [InlineData("1.5", "\"1.5\"")]
    public void Texts_in_YAML_are_read_as_texts(string text, string expected) => Assert.Equal($"key: {expected}\n", YamlText.Of(new Text(text)));

    private sealed record Text(string Value) : IJsonShape
    {
        public void Write(Utf8JsonWriter json) => json.WriteString("key", Value);
    }
}

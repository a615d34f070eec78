using CsiLocal.Configuration;
using CsiLocal.Volumes;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class ConfigurationFileTests
{
    [Fact]
    public void Every_option_of_the_file_is_read()
    {
        var options = ConfigurationFile.Parse(
            """
            mode: all
            endpoint: unix:///csi/csi.sock
            stateDirectory: /var/lib/csilocal/
            nodeId: node-1
            driverName: disks.example.org
            pools:
              - name: scratch
                backend: image
                path: /srv//images/
                reserve: 10Gi
                overprovision: 2.5
                preallocate: true
                freezeLimit: 5s
              - name: "shared"
                backend: directory
                path: /srv/volumes
                quota: none
            defaultPool: scratch
            publishRoots: [/var/lib/kubelet/, /mnt]
            maxVolumesPerNode: 250
            journalRetention: 7d
            """,
            "c.yaml");

        Assert.Equal(ServeMode.All, options.Mode);
        Assert.Equal("unix:///csi/csi.sock", options.Endpoint);
        Assert.Equal("/var/lib/csilocal", options.StateDirectory);
        Assert.Equal("node-1", options.NodeId);
        Assert.Equal("disks.example.org", options.DriverName);
        Assert.Equal("scratch", options.DefaultPool);
        Assert.Equal(["/var/lib/kubelet", "/mnt"], options.PublishRoots);
        Assert.Equal(250, options.MaxVolumesPerNode);
        Assert.Equal(TimeSpan.FromDays(7), options.JournalRetention);
        Assert.Equal(
            new PoolOptions
            {
                Name = "scratch",
                Backend = BackendKind.Image,
                Path = "/srv/images",
                ReserveBytes = 10L << 30,
                Overprovision = 2.5,
                Preallocate = true,
                FreezeLimit = TimeSpan.FromSeconds(5),
            },
            options.Pools[0]);
        Assert.Equal(
            new PoolOptions { Name = "shared", Backend = BackendKind.Directory, Path = "/srv/volumes", Quota = QuotaMode.None },
            options.Pools[1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n# nothing but a comment\n")]
    [InlineData("---\n")]
    [InlineData("~\n")]
    [InlineData("pools:\n")]
    [InlineData("pools: []\n")]
    [InlineData("{}\n")]
    [InlineData("publishRoots:\n")]
    public void A_file_without_options_means_the_defaults(string text)
    {
        var options = ConfigurationFile.Parse(text, "c.yaml");

        Assert.Empty(options.Pools);
        Assert.Null(options.DefaultPool);
        Assert.Null(options.Endpoint);
        Assert.Equal(DriverOptions.DefaultDriverName, options.DriverName);
        Assert.Equal(TimeSpan.FromDays(30), options.JournalRetention);
    }

    [Fact]
    public void Anchors_aliases_and_merges_are_followed()
    {
        var options = ConfigurationFile.Parse(
            """
            pools:
              - &first
                name: a
                backend: image
                path: &place /srv/a
                reserve: 1Gi
              - <<: *first
                name: b
                path: /srv/b
            publishRoots: [*place]
            """,
            "c.yaml");

        Assert.Equal(["a", "b"], options.Pools.Select(pool => pool.Name));
        Assert.Equal("/srv/b", options.Pools[1].Path);
        Assert.Equal(1L << 30, options.Pools[1].ReserveBytes);
        Assert.Equal(["/srv/a"], options.PublishRoots);
    }

    [Fact]
    public void A_few_aliases_cannot_stand_for_endless_work()
    {
        var lines = Enumerable.Range(1, 60).Select(i => $"  - &m{i} {{<<: [*m{i - 1}, *m{i - 1}], name: x}}");
        var text = "pools:\n  - &m0 {name: x}\n" + string.Join('\n', lines);

        Assert.Throws<ConfigurationException>(() => ConfigurationFile.Parse(text, "c.yaml"));
    }

    [Fact]
    public void A_deeply_nested_file_is_refused_where_it_is_too_deep()
    {
        var failure = Assert.Throws<ConfigurationException>(
            () => ConfigurationFile.Parse("pools: " + new string('[', 5_000), "c.yaml"));

        Assert.Equal("c.yaml:1:24: not valid YAML: nested more than 16 deep", Assert.Single(failure.Problems).ToString());
    }

    [Fact]
    public void A_file_is_read_from_disk_with_or_without_a_byte_order_mark()
    {
        using var folder = new TemporaryFolder();
        var path = Write(folder, "config.yaml", "\uFEFFdefaultPool: a\npools: [{name: a, backend: image, path: /srv/a}]\n");

        Assert.Equal("a", ConfigurationFile.Load(path).DefaultPool);
    }

    [Fact]
    public void A_file_that_cannot_be_read_says_why()
    {
        using var folder = new TemporaryFolder();
        var missing = Path.Combine(folder.Path, "none.yaml");
        var large = Write(folder, "large.yaml", new string('#', (1 << 20) + 1));
        var binary = Path.Combine(folder.Path, "binary.yaml");
        File.WriteAllBytes(binary, [0xff, 0xfe, 0x00]);

        Assert.Equal($"{missing}: no such file", ProblemOf(missing));
        Assert.Equal($"{folder.Path}: is a folder; name a file", ProblemOf(folder.Path));
        Assert.Equal($"{large}: larger than 1 MiB, which no configuration is", ProblemOf(large));
        Assert.Equal($"{binary}: is not UTF-8 text", ProblemOf(binary));
        Assert.StartsWith("a\0b: cannot be read: ", ProblemOf("a\0b"), StringComparison.Ordinal);
    }

    [Fact]
    public void Arbitrary_text_is_read_or_refused_and_nothing_else()
    {
        var random = new Random(20240601);
        const string alphabet = "pools:[]{}&*-?!|>'\"%@`#,~<< \t\n\0aname backend path é\u2028";
        for (var round = 0; round < 20_000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            try
            {
                ConfigurationFile.Parse(text, "c.yaml");
            }
            catch (ConfigurationException failure)
            {
                Assert.All(failure.Problems, problem => Assert.DoesNotContain('\n', problem.ToString()));
            }
        }
    }

    private static string ProblemOf(string path) =>
        Assert.Single(Assert.Throws<ConfigurationException>(() => ConfigurationFile.Load(path)).Problems).ToString();

    private static string Write(TemporaryFolder folder, string name, string text)
    {
        var path = folder.Combine(name);
        File.WriteAllText(path, text);
        return path;
    }
}

using CsiLocal.Volumes.Diagnosis;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class StateExaminerTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 10_000)]
    public Task A_state_that_is_not_there_yet_or_whole_is_well_also_while_it_is_open()
    {
        Assert.All(Examine(), static finding => Assert.Equal(Severity.Ok, finding.Severity));

        using var store = _folder.Open();
        store.InsertVolume(Samples.Volume("pvc-1"));

        Assert.Equal([FindingCodes.StateFolder, FindingCodes.StateFile], Examine().Select(static finding => finding.Code));
        Assert.All(Examine(), static finding => Assert.Equal(Severity.Ok, finding.Severity));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Damage_in_the_journal_is_found_though_no_start_looks_there()
    {
        using (var store = _folder.Open())
        {
            for (var i = 0; i < 2000; i++)
                store.RecordEvent("v", "what", new string('x', 200));
        }

        var page = _folder.Number("SELECT rootpage FROM sqlite_schema WHERE name = 'events'");
        using (var file = File.OpenWrite(_folder.File))
        {
            file.Position = (page - 1) * 4096;
            file.Write(new byte[64]);
        }

        _folder.Open().Dispose();
        Assert.Contains(Examine(), static finding => finding is { Code: FindingCodes.StateFile, Severity: Severity.Error });
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task A_reference_to_nothing_is_found()
    {
        using (var store = _folder.Open())
        {
            store.InsertVolume(Samples.Volume("pvc-1"));
            store.PutPublication(Samples.Publication("pvc-1", "/mnt"));
        }

        _folder.Tamper("PRAGMA foreign_keys = OFF; DELETE FROM volumes");

        var finding = Assert.Single(Examine(), static finding => finding.Severity == Severity.Error);
        Assert.Contains("table publications: a row refers to what is not in volumes", finding.Evidence, StringComparison.Ordinal);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task Files_that_were_set_aside_and_a_journal_that_lost_entries_are_told()
    {
        _folder.Open().Dispose();
        foreach (var suffix in new[] { "", "-wal", "-shm" })
            File.WriteAllText($"{_folder.File}.damaged-20260101T000000Z{suffix}", "");

        var warnings = Examine(dropped: 3).Where(static finding => finding.Severity == Severity.Warning).Select(static finding => finding.Code);

        Assert.Equal([FindingCodes.SetAside, FindingCodes.Journal], warnings);
        return Task.CompletedTask;
    }

    private IReadOnlyList<Finding> Examine(long dropped = 0) => StateExaminer.Examine(_folder.Path, dropped);
}

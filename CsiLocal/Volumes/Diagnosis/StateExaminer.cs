using CsiLocal.Native;
using CsiLocal.State;

namespace CsiLocal.Volumes.Diagnosis;

/// <summary>Whether the state directory can be written, and what is in it is whole. Reads only, beside the daemon or without it.</summary>
internal static class StateExaminer
{
    /// <summary>Less than this many bytes free: the next start may not come up.</summary>
    private const long LeastFree = 64L << 20;

    /// <param name="folder">The state directory.</param>
    /// <param name="droppedJournalWrites">As the running daemon counts them; 0 where none runs.</param>
    public static IReadOnlyList<Finding> Examine(string folder, long droppedJournalWrites)
    {
        if (!Directory.Exists(folder))
            return [Finding.Ok(FindingCodes.StateFolder, folder, "is made when the daemon first starts")];

        var findings = new List<Finding> { Folder(folder) };
        var file = Path.Combine(folder, StateFile.Name);
        try
        {
            var problems = File.Exists(file) && new FileInfo(file).Length > 0 ? StateCopy.Examine(folder).Problems : [];
            findings.AddRange(problems.Select(problem => Finding.Error(
                FindingCodes.StateFile, file, problem, "restart the daemon: it sets the file aside and takes volumes and snapshots over from the pools")));
            if (problems.Count == 0)
                findings.Add(Finding.Ok(FindingCodes.StateFile, file, File.Exists(file) ? "every page and reference is whole" : "is made when the daemon first starts"));
        }
        catch (StorageException e)
        {
            findings.Add(Finding.Error(FindingCodes.StateFile, file, e.Message, e.Remedy ?? "see the log of the daemon"));
        }

        findings.AddRange(Directory.EnumerateFiles(folder, $"{StateFile.Name}.damaged-*").Where(static path => !path.EndsWith("-wal", StringComparison.Ordinal)
            && !path.EndsWith("-shm", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(static path => Finding.Warning(
                FindingCodes.SetAside, path, "the state was damaged then, and set aside", "look at the disk below it; delete the file when nobody needs it any more")));
        if (droppedJournalWrites > 0)
        {
            findings.Add(Finding.Warning(
                FindingCodes.Journal, file, $"{droppedJournalWrites} entries of the journal were dropped: they could not be written for long",
                "see the daemon's log for what kept it from writing"));
        }

        return findings;
    }

    private static Finding Folder(string folder)
    {
        try
        {
            var status = FilesystemStatus.Of(folder);
            if (status.ReadOnly)
                return Finding.Error(FindingCodes.StateFolder, folder, "its file system is read-only: no call that changes something succeeds", "see dmesg for why, and mount it read-write");
            return status.FreeBytes < LeastFree
                ? Finding.Error(FindingCodes.StateFolder, folder, $"{status.FreeBytes} bytes are free", "free some space there: without it nothing can be changed")
                : Finding.Ok(FindingCodes.StateFolder, folder, $"{status.FreeBytes} bytes are free");
        }
        catch (NativeException e)
        {
            return Finding.Error(FindingCodes.StateFolder, folder, e.Message, "mount what belongs there");
        }
    }
}

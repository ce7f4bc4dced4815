<#
.SYNOPSIS
Adds what lyncdiag finds to a ticket.

.DESCRIPTION
A runbook that a ticket system calls with the user's address, the message that the
user reported and, if there are any, logs. Writes an object with a short text for
the ticket, the group that should have it, and the whole report as JSON to attach.

.PARAMETER Ticket
The number of the ticket, which the report repeats.

.PARAMETER Address
The user's sign-in address.

.PARAMETER Message
The message that the client showed.

.PARAMETER Log
Logs that the user sent.

.EXAMPLE
.\Add-SignInDiagnosis.ps1 -Ticket INC0012345 -Address joe@contoso.com -Message 'The server is temporarily unavailable'
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)]
    [string] $Ticket,

    [Parameter(Mandatory = $true)]
    [string] $Address,

    [string] $Message,

    [string[]] $Log
)

$ErrorActionPreference = 'Stop' # a module does not see it: below it is said again
Import-Module (Join-Path -Path $PSScriptRoot -ChildPath 'LyncDiag')

$known = @{ Address = $Address; Ticket = $Ticket }
if ($Message) { $known.Message = $Message }
if ($Log) { $known.Log = $Log }
# The report as the program writes it: ConvertTo-Json of Windows PowerShell 5.1 writes
# times in a form of its own.
$record = [System.IO.Path]::GetTempFileName()
try {
    $report = Test-LyncSignIn @known -RecordPath $record -ErrorAction Stop
    $attachment = [System.IO.File]::ReadAllText($record)
}
finally {
    Remove-Item -LiteralPath $record -ErrorAction SilentlyContinue
}

$text = New-Object -TypeName 'System.Collections.Generic.List[string]'
$text.Add($report.verdict.summary)
$group = 'help-desk'
$first = $report.findings | Where-Object { $_.name -eq $report.verdict.primary } | Select-Object -First 1
if ($null -ne $first) {
    $group = $first.owner
    $text.Add($first.cause)
    $number = 0
    foreach ($step in $first.resolution) {
        $number++
        $text.Add(('{0}. {1}' -f $number, $step))
    }
}
foreach ($question in $report.verdict.questions) {
    $text.Add(('Ask the user: {0}' -f $question.text))
}
[pscustomobject] @{
    Ticket     = $Ticket
    Group      = $group
    Outcome    = $report.verdict.outcome
    Text       = $text -join [Environment]::NewLine
    Attachment = $attachment
}
